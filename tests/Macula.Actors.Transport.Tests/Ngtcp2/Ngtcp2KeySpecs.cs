using System.Runtime.InteropServices;
using System.Text;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>Keys cost little while nothing is sent, and work when something is.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed partial class Ngtcp2KeySpecs
{
    // On each side two for masks, and one to send and one to receive with of the key update before, now and next.
    private const int MostKeys = 2 * (2 + 6);

    [Fact]
    public async Task Idle_connections_have_no_contexts_and_both_sides_may_speak_again()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams();
        for (var round = 1; round <= 3; round++)
        {
            await AreAtRest();
            var (speaks, listens) = round % 2 == 0 ? (client, server) : (server, client);
            await Cross(speaks, listens, Pair.SomeBytes(10_000 + round));
            Assert.InRange(Counters.KeyContexts, 1, MostKeys);
        }

        await NoneIsLeft(client, server);
    }

    [Fact]
    public async Task Keys_are_updated_whether_they_rest_or_not()
    {
        await using var pair = await Pair.Listen();
        var (client, server) = await pair.Streams();
        for (var update = 1; update <= 4; update++)
        {
            if (update % 2 == 0) await AreAtRest();
            await Update(pair, server, client);
            await Cross(client, server, Pair.SomeBytes(50_000 + update));
            Assert.InRange(Counters.PacketKeys, 1, MostKeys);
        }

        await NoneIsLeft(client, server);
    }

    /// <summary>RFC 9001, appendix A.1: of the secret for the server's first packets.</summary>
    [Theory]
    [InlineData("quic key", "cf3a5331653c364c88f0f379b6067e37")]
    [InlineData("quic iv", "0ac1493ca1905853b0bba03e")]
    [InlineData("quic hp", "c206b8d9b9f0f37644430b490eeaa314")]
    public void Keys_are_derived_as_the_RFC_shows(string label, string expected)
    {
        var secret = Convert.FromHexString("3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b");
        var key = new byte[expected.Length / 2];

        KeyDerivation.Expand(secret, Encoding.ASCII.GetBytes(label), key);

        Assert.Equal(expected, Convert.ToHexStringLower(key));
    }

    private static async Task Cross(IQuicStream from, IQuicStream to, byte[] bytes)
    {
        var sending = Pair.Write(from, bytes);
        Assert.Equal(bytes, await Pair.Read(to, bytes.Length));
        await sending;
    }

    private static async Task NoneIsLeft(IQuicStream client, IQuicStream server)
    {
        await client.Connection.DisposeAsync();
        await server.Connection.DisposeAsync();
        await Pair.Until(() => Counters.PacketKeys == 0, Counters.Describe);
    }

    private static Task AreAtRest() => Pair.Until(() => Counters.KeyContexts == 0, Counters.Describe);

    // Another update is refused until the peer has acknowledged the last one, and three probe time-outs longer.
    private static async Task Update(Pair pair, IQuicStream server, IQuicStream client)
    {
        var updated = false;
        using var deadline = new CancellationTokenSource(Pair.Patience);
        while (!updated)
        {
            var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            pair.Endpoint.Post(() =>
            {
                var session = pair.Endpoint.Sessions.Single();
                done.SetResult(Initiate(session));
                session.MarkDirty();
            });
            updated = await done.Task.WaitAsync(deadline.Token);
            await Pair.Write(server, [7]);
            await Pair.Read(client, 1);
        }
    }

    private static unsafe bool Initiate(Session session) =>
        InitiateKeyUpdate(session.Native, Transport.Ngtcp2.Loop.Endpoint.Now) == 0;

    [LibraryImport("libngtcp2.so.16", EntryPoint = "ngtcp2_conn_initiate_key_update")]
    private static unsafe partial int InitiateKeyUpdate(void* connection, ulong now);
}
