using Macula.Actors.Transport.Tests.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>gtlsclient, of Debian's ngtcp2-client, connects to our listener. It speaks HTTP/3, and verifies no
/// certificate.</summary>
public sealed class GtlsClientSpecs(ITestOutputHelper test) : InteropSpecs
{
    [Fact]
    public async Task Data_go_both_ways()
    {
        await using var pair = await Listen();
        var (question, answer) = (Pair.SomeBytes(Big), Pair.SomeBytes(Big + 1));
        var body = Path.Combine(Files.Folder, "question");
        await File.WriteAllBytesAsync(body, question);
        await using var client = Client(
            pair, "-q", "-m", "POST", "-d", body, $"--download={Files.Folder}", "--exit-on-all-streams-close");
        await using var server = await pair.Accept();
        Assert.Equal("h3", server.ApplicationProtocol);
        Assert.Equal("localhost", server.ServerName);

        var stream = await Request(server);
        Assert.Equal(question, Http3.Content(await Pair.ReadToEnd(stream)));
        await Pair.Write(stream, Http3.Answer(answer));
        await stream.Output.CompleteAsync();

        Assert.Equal(0, await client.Ends());
        Assert.Equal(answer, await File.ReadAllBytesAsync(Path.Combine(Files.Folder, "file")));
        var closed = await Pair.Ended(server);
        Assert.Equal((QuicTransportError.ConnectionAborted, 0x100L), (closed.Error, closed.ErrorCode)); // H3_NO_ERROR
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task It_shows_its_certificate()
    {
        await using var pair = await Listen(options => options with
        {
            ClientCertificates = ClientCertificateMode.Require,
            ClientTrust = TestCertificates.Shared.Trust,
        });
        await using var client = Client(pair, "-q", $"--cert={Files.Client}", $"--key={Files.ClientKey}");
        await using var server = await pair.Accept();

        Assert.Equal(TestCertificates.Shared.Client.Thumbprint, server.RemoteCertificate!.Thumbprint);
    }

    [Fact]
    public async Task Without_the_certificate_we_ask_for_it_is_refused()
    {
        var failed = new TaskCompletionSource<string>();
        await using var pair = await Listen(options => options with
        {
            ClientCertificates = ClientCertificateMode.Require,
            ClientTrust = TestCertificates.Shared.Trust,
            OnHandshakeFailed = (_, why) => failed.TrySetResult(why),
        });
        await using var client = Client(pair, "-q");

        Assert.Contains("certificate", await failed.Task.WaitAsync(Pair.Patience), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_an_unknown_version_it_learns_which_we_speak()
    {
        await using var pair = await Listen();
        await using var client = Client(pair, "--version=0x1a2a3a4a", "--no-quic-dump");

        await client.Says("type=VN");
        Assert.Contains("0x00000001", await client.Says("v=0x0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_ALPN_fails_with_the_alert_for_it()
    {
        var failed = new TaskCompletionSource<string>();
        await using var pair = await Pair.Listen(
            options => options with { OnHandshakeFailed = (_, why) => failed.TrySetResult(why) });
        await using var client = Client(pair, "--no-quic-dump");

        await client.Says("(0x178)"); // CRYPTO_ERROR of alert 120, no_application_protocol (RFC 9001, section 4.8)
        await failed.Task.WaitAsync(Pair.Patience);
    }

    [Fact]
    public async Task Our_close_arrives_with_its_code_and_reason()
    {
        await using var pair = await Listen();
        await using var client = Client(pair, "--no-quic-dump");
        var server = await pair.Accept();
        await Request(server);
        server.Abort(43, "enough"); // a close in order ends the stream first, without an answer: HTTP/3 fails of that

        await client.Says("CONNECTION_CLOSE(0x1d) error_code=(unknown)(0x2b)");
    }

    [Fact]
    public async Task When_it_is_killed_the_idle_time_out_tells()
    {
        await using var pair = await Listen(options => options with { IdleTimeout = ShortIdle });
        await using var client = Client(pair, "-q");
        await using var server = await pair.Accept();
        await Request(server);
        client.Kill();

        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(server)).Error);
    }

    [Fact]
    public async Task Its_idle_time_out_ends_both_sides()
    {
        await using var pair = await Listen();
        await using var client = Client(pair, "-q", "--timeout=1s");
        await using var server = await pair.Accept();
        await Request(server); // and no answer

        await client.Ends();
        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(server)).Error);
    }

    // It says nothing of its own until a second after the handshake, when it has moved.
    [Theory]
    [InlineData]
    [InlineData("--nat-rebinding")]
    public async Task It_may_move_to_another_port(params string[] how)
    {
        await using var pair = await Listen();
        await using var client = Client(
            pair,
            [.. how, "--change-local-addr=50ms", "--delay-stream=1s", "-q", $"--download={Files.Folder}",
                "--exit-on-all-streams-close"]);
        await using var server = await pair.Accept();
        var port = server.RemoteEndPoint.Port;
        var stream = await Request(server);
        await Pair.ReadToEnd(stream);

        await Pair.Write(stream, Http3.Answer(Pair.SomeBytes(Big)));
        await stream.Output.CompleteAsync();
        Assert.Equal(0, await client.Ends());
        Assert.NotEqual(port, server.RemoteEndPoint.Port);
        Assert.Equal(Pair.SomeBytes(Big), await File.ReadAllBytesAsync(Path.Combine(Files.Folder, "file")));
        await stream.DisposeAsync();
    }

    // RFC 9001, section 6. It asks a second and a half after the handshake, when our keys have no contexts any more.
    [Fact]
    public async Task It_may_update_its_keys()
    {
        await using var pair = await Listen();
        await using var client = Client(
            pair, "--key-update=1500ms", "--delay-stream=2s", "--no-http-dump", $"--download={Files.Folder}",
            "--exit-on-all-streams-close");
        await using var server = await pair.Accept();
        var stream = await Request(server);
        await Pair.ReadToEnd(stream);

        await Pair.Write(stream, Http3.Answer(Pair.SomeBytes(Big)));
        await stream.Output.CompleteAsync();
        Assert.Equal(0, await client.Ends());
        Assert.Equal(Pair.SomeBytes(Big), await File.ReadAllBytesAsync(Path.Combine(Files.Folder, "file")));
        await stream.DisposeAsync();
    }

    private static Task<Pair> Listen(Func<QuicListenOptions, QuicListenOptions>? change = null) => Pair.Listen(
        options =>
        {
            // Control stream and two of QPACK; without them it gives up (RFC 9114, section 6.2).
            var http = options with { ApplicationProtocol = "h3", MaxInboundUnidirectionalStreams = 3 };
            return change?.Invoke(http) ?? http;
        });

    private Peer Client(Pair pair, params string[] arguments) => new(
        test, "gtlsclient",
        [.. arguments, "--sni=localhost", "127.0.0.1", $"{pair.Listener.LocalEndPoint.Port}", "https://localhost/file"]);

    /// <summary>The stream of its request, among those that HTTP/3 opens beside it.</summary>
    private static async Task<IQuicStream> Request(IQuicConnection server)
    {
        while (true)
        {
            var stream = await Pair.AcceptStream(server);
            if (stream.CanWrite) return stream;
        }
    }
}
