using System.Net;
using System.Security.Cryptography;

namespace Macula.Actors.Transport.Tests;

public sealed class QuicTrustSpecs
{
    private static readonly TestCertificates Authority = TestCertificates.Shared;

    [Fact]
    public void A_fingerprint_is_the_SHA_256_of_the_certificate()
    {
        var expected = Convert.ToHexString(SHA256.HashData(Authority.Server.RawData));

        Assert.Equal(expected, QuicTrust.Fingerprint(Authority.Server), ignoreCase: true);
    }

    [Fact]
    public void Colons_and_case_of_a_pin_do_not_matter()
    {
        var digits = QuicTrust.Fingerprint(Authority.Server).ToUpperInvariant();
        var pin = string.Join(':', digits.Chunk(2).Select(pair => new string(pair)));

        Assert.Null(QuicTrust.Pinned(pin).Verify(Authority.Server, null, "elsewhere.example"));
        Assert.NotNull(QuicTrust.Pinned(pin).Verify(Authority.Client, null, null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("12:34")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000000")]
    public void A_pin_that_is_none_is_refused(string pin) =>
        Assert.Throws<FormatException>(() => QuicTrust.Pinned(pin));

    [Fact]
    public void No_certificate_is_trusted_by_nobody_but_Anything()
    {
        Assert.Equal("the peer sent no certificate", Authority.Trust.Verify(null, null, "localhost"));
        Assert.Null(QuicTrust.Anything.Verify(null, null, "localhost"));
    }

    [Fact]
    public void An_address_is_looked_for_among_the_addresses()
    {
        Assert.Null(Authority.Trust.Verify(Authority.Server, null, "127.0.0.1"));
        Assert.NotNull(Authority.Trust.Verify(Authority.Server, null, "127.0.0.2"));
    }

    [Fact]
    public void A_certificate_for_clients_does_not_serve_and_the_other_way_round()
    {
        Assert.NotNull(Authority.Trust.Verify(Authority.Client, null, "client"));
        Assert.NotNull(Authority.Trust.Verify(Authority.Server, null, null));
    }

    [Fact]
    public void The_systems_store_does_not_know_a_test_authority() =>
        Assert.NotNull(QuicTrust.System.Verify(Authority.Server, null, "localhost"));

    [Fact]
    public void Every_option_that_cannot_work_is_named_at_once()
    {
        var options = new QuicListenOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            ApplicationProtocol = "",
            IdleTimeout = TimeSpan.FromSeconds(-1),
            HandshakeTimeout = TimeSpan.Zero,
            MaxInboundStreams = 70_000,
            StreamReceiveWindow = 0,
            SendBuffer = -1,
            DefaultCloseErrorCode = -1,
        };

        var thrown = Assert.Throws<QuicTransportException>(() => QuicOptionChecks.Check(options));

        foreach (var name in new[]
        {
            nameof(options.ApplicationProtocol), nameof(options.IdleTimeout), nameof(options.HandshakeTimeout),
            nameof(options.MaxInboundStreams), nameof(options.StreamReceiveWindow), nameof(options.SendBuffer),
            nameof(options.DefaultCloseErrorCode), nameof(options.Certificate),
        })
        {
            Assert.Contains(name, thrown.Message, StringComparison.Ordinal);
        }
    }
}
