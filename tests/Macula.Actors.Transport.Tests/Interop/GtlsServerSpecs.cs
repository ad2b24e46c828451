using System.Net;
using System.Net.Sockets;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Tests.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>We connect to gtlsserver, of Debian's ngtcp2-server, which speaks HTTP/3.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class GtlsServerSpecs(ITestOutputHelper test) : IDisposable
{
    private const int Big = 300_000;

    private static readonly TimeSpan ShortIdle = TimeSpan.FromSeconds(1);

    private readonly PemFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData]
    [InlineData("--validate-addr")] // answers the first packet with a Retry
    [InlineData("--verify-client")]
    public async Task Its_certificate_is_verified_and_a_file_arrives(params string[] arguments)
    {
        var file = Pair.SomeBytes(Big);
        await File.WriteAllBytesAsync(Path.Combine(_files.Folder, "file"), file);
        var (server, port) = await Start([.. arguments, "--no-http-dump", "--no-quic-dump"]);
        await using var _ = server;
        await using var client = await Connect(
            port, options => options with { Certificate = TestCertificates.Shared.Client });
        Assert.Equal("h3", client.ApplicationProtocol);
        Assert.Equal(TestCertificates.Shared.Server.Thumbprint, client.RemoteCertificate!.Thumbprint);

        var stream = await Pair.Open(client);
        await Pair.Write(stream, Http3.Get("/file"));
        await stream.Output.CompleteAsync();
        Assert.Equal(file, Http3.Content(await Pair.ReadToEnd(stream)));
        if (arguments is ["--validate-addr"]) await server.Says("Token was successfully validated");
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task We_refuse_a_certificate_of_an_authority_we_do_not_know()
    {
        var (server, port) = await Start("-q");
        await using var _ = server;

        await Pair.Fails(QuicTransportError.AuthenticationFailed, async () => await Connect(
            port, options => options with { Trust = TestCertificates.Stranger.Trust }));
    }

    [Fact]
    public async Task Another_ALPN_fails_as_such()
    {
        var (server, port) = await Start("-q");
        await using var _ = server;

        await Pair.Fails(QuicTransportError.AlpnMismatch, async () => await Connect(
            port, options => options with { ApplicationProtocol = "macula" }));
    }

    [Fact]
    public async Task Our_close_arrives_with_its_code()
    {
        var (server, port) = await Start("--no-http-dump", "--no-quic-dump");
        await using var _ = server;
        await using var client = await Connect(port);
        await client.CloseAsync(43, "enough").AsTask().WaitAsync(Pair.Patience);

        await server.Says("CONNECTION_CLOSE(0x1d) error_code=(unknown)(0x2b)");
    }

    [Fact]
    public async Task When_it_is_killed_the_idle_time_out_tells()
    {
        var (server, port) = await Start("-q");
        await using var _ = server;
        await using var client = await Connect(port, options => options with { IdleTimeout = ShortIdle });
        server.Kill();

        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(client)).Error);
    }

    [Fact]
    public async Task Its_idle_time_out_counts()
    {
        var (server, port) = await Start("-q", "--timeout=1s");
        await using var _ = server;
        await using var client = await Connect(port);

        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(client)).Error);
    }

    private async Task<(Peer Server, int Port)> Start(params string[] arguments)
    {
        int port;
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        }

        var server = new Peer(
            test, "gtlsserver",
            [.. arguments, "-d", _files.Folder, "127.0.0.1", $"{port}", _files.ServerKey, _files.Server]);
        await Task.Run(() => ServerProbe.WaitFor(port, Pair.Patience));
        return (server, port);
    }

    private static Task<IQuicConnection> Connect(int port, Func<QuicConnectOptions, QuicConnectOptions>? change = null)
    {
        var options = new QuicConnectOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, port),
            ServerName = "localhost",
            Trust = TestCertificates.Shared.Trust,
            ApplicationProtocol = "h3",
            MaxInboundUnidirectionalStreams = 3, // those of HTTP/3, without which it gives up
        };
        return new Ngtcp2Provider().ConnectAsync(change?.Invoke(options) ?? options).AsTask().WaitAsync(Pair.Patience);
    }
}
