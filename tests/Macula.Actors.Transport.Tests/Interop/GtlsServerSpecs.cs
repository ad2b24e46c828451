using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Tests.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>We connect to gtlsserver, of Debian's ngtcp2-server, which speaks HTTP/3.</summary>
public sealed class GtlsServerSpecs(ITestOutputHelper test) : InteropSpecs
{
    [Theory]
    [InlineData]
    [InlineData("--validate-addr")] // answers the first packet with a Retry
    [InlineData("--verify-client")]
    public async Task Its_certificate_is_verified_and_a_file_arrives(params string[] arguments)
    {
        var file = Pair.SomeBytes(Big);
        await File.WriteAllBytesAsync(Path.Combine(Files.Folder, "file"), file);
        var (server, port) = await Start([.. arguments, "--no-http-dump", "--no-quic-dump"]);
        await using var _ = server;
        await using var client = await ConnectHttp(
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

        await Pair.Fails(QuicTransportError.AuthenticationFailed, async () => await ConnectHttp(
            port, options => options with { Trust = TestCertificates.Stranger.Trust }));
    }

    [Fact]
    public async Task Another_ALPN_fails_as_such()
    {
        var (server, port) = await Start("-q");
        await using var _ = server;

        await Pair.Fails(QuicTransportError.AlpnMismatch, async () => await ConnectHttp(
            port, options => options with { ApplicationProtocol = "macula" }));
    }

    [Fact]
    public async Task Our_close_arrives_with_its_code()
    {
        var (server, port) = await Start("--no-http-dump", "--no-quic-dump");
        await using var _ = server;
        await using var client = await ConnectHttp(port);
        await client.CloseAsync(43, "enough").AsTask().WaitAsync(Pair.Patience);

        await server.Says("CONNECTION_CLOSE(0x1d) error_code=(unknown)(0x2b)");
    }

    [Fact]
    public async Task When_it_is_killed_the_idle_time_out_tells()
    {
        var (server, port) = await Start("-q");
        await using var _ = server;
        await using var client = await ConnectHttp(port, options => options with { IdleTimeout = ShortIdle });
        server.Kill();

        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(client)).Error);
    }

    [Fact]
    public async Task Its_idle_time_out_counts()
    {
        var (server, port) = await Start("-q", "--timeout=1s");
        await using var _ = server;
        await using var client = await ConnectHttp(port);

        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(client)).Error);
    }

    private async Task<(Peer Server, int Port)> Start(params string[] arguments)
    {
        var port = ServerProbe.FreePort();
        var server = new Peer(
            test, "gtlsserver",
            [.. arguments, "-d", Files.Folder, "127.0.0.1", $"{port}", Files.ServerKey, Files.Server]);
        try
        {
            await Task.Run(() => ServerProbe.WaitFor(port, Pair.Patience));
            return (server, port);
        }
        catch
        {
            await server.DisposeAsync(); // and what it said is told
            throw;
        }
    }

    private static Task<IQuicConnection> ConnectHttp(
        int port, Func<QuicConnectOptions, QuicConnectOptions>? change = null) => Connect(port, options =>
    {
        // Without the unidirectional streams of HTTP/3 it gives up.
        var http = options with { ApplicationProtocol = "h3", MaxInboundUnidirectionalStreams = 3 };
        return change?.Invoke(http) ?? http;
    });
}
