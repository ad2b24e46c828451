using System.Security.Cryptography;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Tests.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>quiche connects to our listener.</summary>
public sealed class QuicheClientSpecs(ITestOutputHelper test) : InteropSpecs
{
    [Fact]
    public async Task It_verifies_our_certificate_and_shows_its_own()
    {
        await using var pair = await Pair.Listen(options => options with
        {
            ClientCertificates = ClientCertificateMode.Require,
            ClientTrust = TestCertificates.Shared.Trust,
        });
        await using var quiche = await Quiche.Connect(
            test, pair.Listener.LocalEndPoint.Port,
            new { ca = Files.Authority, cert = Files.Client, key = Files.ClientKey });

        await using var server = await pair.Accept();
        Assert.Equal("macula", server.ApplicationProtocol);
        Assert.Equal("localhost", server.ServerName);
        Assert.Equal(TestCertificates.Shared.Client.Thumbprint, server.RemoteCertificate!.Thumbprint);
    }

    [Fact]
    public async Task Without_the_certificate_we_ask_for_it_is_refused()
    {
        var failed = new TaskCompletionSource<string>();
        await using var pair = await Pair.Listen(options => options with
        {
            ClientCertificates = ClientCertificateMode.Require,
            ClientTrust = TestCertificates.Shared.Trust,
            OnHandshakeFailed = (_, why) => failed.TrySetResult(why),
        });
        await using var quiche = Quiche.Dial(test, pair.Listener.LocalEndPoint.Port, new { ca = Files.Authority });

        Assert.Contains("certificate", await failed.Task.WaitAsync(Pair.Patience), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_refuses_a_certificate_of_an_authority_it_does_not_know()
    {
        await using var pair = await Pair.Listen();
        await using var quiche = Quiche.Dial(test, pair.Listener.LocalEndPoint.Port, new { ca = Files.Stranger });

        await quiche.Tells("failed");
        Assert.Equal(1, await quiche.Ends());
    }

    [Fact]
    public async Task Another_ALPN_fails_with_the_alert_for_it()
    {
        var failed = new TaskCompletionSource<string>();
        await using var pair = await Pair.Listen(
            options => options with { OnHandshakeFailed = (_, why) => failed.TrySetResult(why) });
        await using var quiche = Quiche.Dial(
            test, pair.Listener.LocalEndPoint.Port, new { ca = Files.Authority, alpn = "h3" });

        await quiche.Says("376"); // 0x100 + alert 120, no_application_protocol (RFC 9001, section 4.8)
        await failed.Task.WaitAsync(Pair.Patience);
    }

    [Fact]
    public async Task Data_go_both_ways()
    {
        await using var pair = await Pair.Listen();
        await using var quiche = await Connect(pair);
        await using var server = await pair.Accept();
        await quiche.Order("open");
        await quiche.Order($"send {Big}");
        await quiche.Order("finish");

        var stream = await Pair.AcceptStream(server);
        var heard = await Pair.ReadToEnd(stream);
        Assert.Equal(Pattern(Big), heard);
        await Pair.Write(stream, heard);
        await stream.Output.CompleteAsync();
        Assert.Equal($"end {Big} {Convert.ToHexStringLower(SHA256.HashData(heard))}", await quiche.Tells("end "));
        await stream.Closed.WaitAsync(Pair.Patience);
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task Resets_of_a_stream_carry_their_code_both_ways()
    {
        await using var pair = await Pair.Listen();
        await using var quiche = await Connect(pair);
        await using var server = await pair.Accept();
        await quiche.Order("open");
        await quiche.Order("send 1");
        var stream = await Pair.AcceptStream(server);
        await Pair.Read(stream, 1);

        stream.Abort(QuicAbortDirection.Write, 55);
        Assert.Equal("reset 55", await quiche.Tells("reset"));
        await quiche.Order("reset 77");
        var thrown = await Pair.Fails(QuicTransportError.StreamAborted, async () => await stream.Input.ReadAsync());
        Assert.Equal(77, thrown.ErrorCode);
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task Its_close_arrives_with_its_code()
    {
        await using var pair = await Pair.Listen();
        await using var quiche = await Connect(pair);
        await using var server = await pair.Accept();
        await quiche.Order("close 42");

        var closed = await Pair.Ended(server);
        Assert.Equal((QuicTransportError.ConnectionAborted, 42L, true), (closed.Error, closed.ErrorCode, closed.ByPeer));
        Assert.EndsWith("bye", closed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Our_close_arrives_with_its_code_and_reason()
    {
        await using var pair = await Pair.Listen();
        await using var quiche = await Connect(pair);
        var server = await pair.Accept();
        await server.CloseAsync(43, "enough").AsTask().WaitAsync(Pair.Patience);

        Assert.Equal("closed app 43 enough", await quiche.Tells("closed"));
        await server.DisposeAsync();
    }

    [Fact]
    public async Task When_it_is_killed_the_idle_time_out_tells()
    {
        await using var pair = await Pair.Listen(options => options with { IdleTimeout = ShortIdle });
        await using var quiche = await Connect(pair);
        await using var server = await pair.Accept();
        quiche.Kill();

        Assert.Equal(QuicTransportError.ConnectionIdle, (await Pair.Ended(server)).Error);
    }

    [Fact]
    public async Task When_we_die_its_own_idle_time_out_tells()
    {
        await using var pair = await Pair.Listen();
        await using var quiche = await Quiche.Connect(
            test, pair.Listener.LocalEndPoint.Port, new { ca = Files.Authority, idle = 5000 });
        await using var server = await pair.Accept();
        await pair.KillServer();

        await quiche.Tells("idle");
    }

    [Fact]
    public async Task It_may_move_to_another_port()
    {
        await using var pair = await Pair.Listen();
        await using var network = new BadNetwork(pair.Listener.LocalEndPoint, fault: 0);
        await using var quiche = await Quiche.Connect(test, network.EndPoint.Port, new { ca = Files.Authority });
        await using var server = await pair.Accept();
        await quiche.Order("open");
        await quiche.Order("send 1");
        var stream = await Pair.AcceptStream(server);
        await Pair.Read(stream, 1);

        var port = network.Move();
        for (var i = 0; i < 50 && server.RemoteEndPoint.Port != port; i++)
        {
            await quiche.Order("send 1");
            await Pair.Read(stream, 1);
        }

        Assert.Equal(port, server.RemoteEndPoint.Port);
        await Pair.Write(stream, Pattern(5000));
        await stream.Output.CompleteAsync();
        Assert.StartsWith("end 5000 ", await quiche.Tells("end "), StringComparison.Ordinal);
        await stream.DisposeAsync();
    }

    private Task<Quiche> Connect(Pair pair) =>
        Quiche.Connect(test, pair.Listener.LocalEndPoint.Port, new { ca = Files.Authority });

    private static byte[] Pattern(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)(i % 251))];
}
