using Macula.Actors.Transport.Tests.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>We connect to quiche, whose binding has every client come back with a Retry token.</summary>
public sealed class QuicheServerSpecs(ITestOutputHelper test) : InteropSpecs
{
    [Fact]
    public async Task It_verifies_our_certificate_and_we_its()
    {
        var (quiche, port) = await Quiche.Listen(
            test, new { cert = Files.Server, key = Files.ServerKey, ca = Files.Authority });
        await using var _ = quiche;
        await using var client = await Connect(
            port, options => options with { Certificate = TestCertificates.Shared.Client });

        await quiche.Tells("connected");
        Assert.Equal("macula", client.ApplicationProtocol);
        Assert.Equal(TestCertificates.Shared.Server.Thumbprint, client.RemoteCertificate!.Thumbprint);
    }

    [Fact]
    public async Task We_refuse_a_certificate_of_an_authority_we_do_not_know()
    {
        var (quiche, port) = await Listen();
        await using var _ = quiche;

        await Pair.Fails(QuicTransportError.AuthenticationFailed, async () => await Connect(
            port, options => options with { Trust = TestCertificates.Stranger.Trust }));
    }

    [Fact]
    public async Task Another_ALPN_fails_as_such()
    {
        var (quiche, port) = await Listen();
        await using var _ = quiche;

        await Pair.Fails(QuicTransportError.AlpnMismatch, async () => await Connect(
            port, options => options with { ApplicationProtocol = "h3" }));
    }

    [Fact]
    public async Task Data_go_both_ways()
    {
        var (quiche, port) = await Quiche.Listen(
            test, new { cert = Files.Server, key = Files.ServerKey, echo = true });
        await using var _ = quiche;
        await using var client = await Connect(port);
        var stream = await Pair.Open(client);
        var sent = Pair.SomeBytes(Big);
        var sending = stream.Output.WriteAsync(sent).AsTask();
        await sending.WaitAsync(Pair.Patience);
        await stream.Output.CompleteAsync();

        Assert.Equal(sent, await Pair.ReadToEnd(stream));
        await stream.Closed.WaitAsync(Pair.Patience);
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task Resets_of_a_stream_carry_their_code_both_ways()
    {
        var (quiche, port) = await Listen();
        await using var _ = quiche;
        await using var client = await Connect(port);
        var stream = await Pair.Open(client);
        await Pair.Write(stream, [1]);
        await quiche.Tells("stream");

        stream.Abort(QuicAbortDirection.Write, 55);
        Assert.Equal("reset 55", await quiche.Tells("reset"));
        await quiche.Order("reset 77");
        var thrown = await Pair.Fails(QuicTransportError.StreamAborted, async () => await stream.Input.ReadAsync());
        Assert.Equal(77, thrown.ErrorCode);
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task Closes_arrive_with_their_code_both_ways()
    {
        var (quiche, port) = await Listen();
        await using var _ = quiche;
        await using (var first = await Connect(port))
        {
            await quiche.Tells("connected");
            await first.CloseAsync(43, "enough").AsTask().WaitAsync(Pair.Patience);
            Assert.Equal("closed app 43 enough", await quiche.Tells("closed"));
        }

        await using var second = await Connect(port);
        await quiche.Tells("connected");
        await quiche.Order("close 42");
        var closed = await Pair.Ended(second);
        Assert.Equal((QuicTransportError.ConnectionAborted, 42L, true), (closed.Error, closed.ErrorCode, closed.ByPeer));
        Assert.EndsWith("bye", closed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_it_is_killed_the_idle_time_out_tells()
    {
        var (quiche, port) = await Listen();
        await using var _ = quiche;
        await using var client = await Connect(port, options => options with { IdleTimeout = ShortIdle });
        quiche.Kill();

        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(client)).Error);
    }

    [Fact]
    public async Task When_it_hears_nothing_its_idle_time_out_tells()
    {
        var (quiche, port) = await Quiche.Listen(
            test, new { cert = Files.Server, key = Files.ServerKey, idle = 1000 });
        await using var _ = quiche;
        await using var client = await Connect(port);

        await quiche.Tells("idle");
        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(client)).Error); // the lower of both counts
    }

    private Task<(Quiche Server, int Port)> Listen() =>
        Quiche.Listen(test, new { cert = Files.Server, key = Files.ServerKey });
}
