using System.Buffers;
using System.Net;
using Macula.Actors.Transport.Memory;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Transport.Tests;

/// <summary>What the memory network has beside the contract: its levers, and that it is the same every time.</summary>
public sealed class MemoryQuicNetworkSpecs
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private static readonly IPAddress Left = IPAddress.Parse("10.0.0.1");
    private static readonly IPAddress Right = IPAddress.Parse("10.0.0.2");

    private readonly FakeTimeProvider _time = new();
    private readonly MemoryQuicNetwork _network;
    private readonly MemoryQuicProvider _left;
    private readonly MemoryQuicProvider _right;

    public MemoryQuicNetworkSpecs()
    {
        _network = new MemoryQuicNetwork(_time);
        (_left, _right) = (new MemoryQuicProvider(_network, Left), new MemoryQuicProvider(_network, Right));
        _network.AddHost("localhost", Right);
    }

    [Fact]
    public async Task Ports_are_given_out_in_order()
    {
        var listener = await ListenAsync();
        var (client, server) = await PairAsync(listener);

        Assert.Equal(new IPEndPoint(Right, 10_000), listener.LocalEndPoint);
        Assert.Equal(new IPEndPoint(Left, 10_001), client.LocalEndPoint);
        Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
    }

    [Fact]
    public async Task The_any_address_is_the_machines_own()
    {
        await using var listener = await _right.ListenAsync(
            Listening with { EndPoint = new IPEndPoint(IPAddress.Any, 9443) });

        var (client, _) = await PairAsync(listener, new IPEndPoint(Right, 9443));

        Assert.Equal(new IPEndPoint(IPAddress.Any, 9443), listener.LocalEndPoint);
        Assert.Equal(new IPEndPoint(Right, 9443), client.RemoteEndPoint);
        await _left.ListenAsync(Listening with { EndPoint = new IPEndPoint(IPAddress.Any, 9443) });
    }

    [Fact]
    public async Task A_dropped_connection_is_noticed_by_the_idle_timeout_alone()
    {
        var (client, server) = await PairAsync(await ListenAsync(), keepAlive: TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.False(client.Closed.IsCompleted);

        _network.Drop(server);
        client.Abort(1);
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(server.Closed.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(QuicTransportError.ConnectionIdle, (await server.Closed.WaitAsync(Soon)).Error);
    }

    [Fact]
    public async Task What_was_sent_over_a_cut_line_arrives_once_it_is_healed()
    {
        var (client, server) = await PairAsync(await ListenAsync());
        var opened = await client.OpenStreamAsync();
        await opened.Output.WriteAsync("one"u8.ToArray());
        var accepted = await server.AcceptStreamAsync().AsTask().WaitAsync(Soon);
        Assert.Equal(3, (await ReadAsync(accepted, 3)).Length);

        _network.Cut(Right, Left);
        await opened.Output.WriteAsync("two"u8.ToArray());
        var reading = accepted.Input.ReadAsync().AsTask();
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.False(reading.IsCompleted);
        _network.Heal(Left, Right);

        Assert.Equal(3, (await reading.WaitAsync(Soon)).Buffer.Length);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.False(client.Closed.IsCompleted); // what arrived counts as a sign of life
    }

    [Fact]
    public async Task A_reset_over_a_cut_line_arrives_once_it_is_healed()
    {
        var (client, server) = await PairAsync(await ListenAsync());
        var opened = await client.OpenStreamAsync();
        await opened.Output.WriteAsync("!"u8.ToArray());
        var accepted = await server.AcceptStreamAsync().AsTask().WaitAsync(Soon);
        await ReadAsync(accepted, 1);
        var reading = accepted.Input.ReadAsync().AsTask();

        _network.Cut(Left, Right);
        opened.Abort(QuicAbortDirection.Write, 3);
        Assert.False(reading.IsCompleted);
        _network.Heal(Left, Right);

        var thrown = await Assert.ThrowsAsync<QuicTransportException>(() => reading.WaitAsync(Soon));
        Assert.Equal(3, thrown.ErrorCode);
    }

    [Fact]
    public async Task Both_ends_of_a_cut_line_go_idle()
    {
        var (client, server) = await PairAsync(await ListenAsync());
        _network.Cut(Left, Right);

        _time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(QuicTransportError.ConnectionIdle, (await client.Closed.WaitAsync(Soon)).Error);
        Assert.Equal(QuicTransportError.ConnectionIdle, (await server.Closed.WaitAsync(Soon)).Error);
    }

    [Fact]
    public async Task Over_a_cut_line_connecting_times_out_and_others_still_connect()
    {
        var listener = await ListenAsync();
        var third = new MemoryQuicProvider(_network, IPAddress.Parse("10.0.0.3"));
        _network.Cut(Left, Right);

        var connecting = _left.ConnectAsync(Connecting(listener.LocalEndPoint)).AsTask();
        await third.ConnectAsync(Connecting(listener.LocalEndPoint)).AsTask().WaitAsync(Soon);
        Assert.False(connecting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(10));

        var thrown = await Assert.ThrowsAsync<QuicTransportException>(() => connecting.WaitAsync(Soon));
        Assert.Equal(QuicTransportError.ConnectionTimeout, thrown.Error);
        _network.Heal(Right, Left);
        await PairAsync(listener);
    }

    [Fact]
    public async Task A_close_over_a_cut_line_ends_after_the_close_timeout()
    {
        var (client, _) = await PairAsync(await ListenAsync());
        var opened = await client.OpenStreamAsync();
        _network.Cut(Left, Right);
        await opened.Output.WriteAsync("lost"u8.ToArray());

        var closing = client.CloseAsync(0).AsTask();
        Assert.False(closing.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));

        await closing.WaitAsync(Soon);
        Assert.Equal(QuicTransportError.None, (await client.Closed).Error);
    }

    [Fact]
    public async Task Without_a_wait_what_was_flushed_is_at_the_peer()
    {
        var (client, server) = await PairAsync(await ListenAsync());
        var opened = await client.OpenStreamAsync();
        await opened.Output.WriteAsync("now"u8.ToArray());

        var accepting = server.AcceptStreamAsync();
        Assert.True(accepting.IsCompletedSuccessfully);
        Assert.True((await accepting).Input.TryRead(out var result));
        Assert.Equal(3, result.Buffer.Length);
    }

    [Fact]
    public async Task A_foreign_connection_cannot_be_dropped()
    {
        var (client, _) = await PairAsync(await ListenAsync());
        await client.DisposeAsync();

        _network.Drop(client); // ended already: nothing happens
        Assert.Throws<ArgumentException>(() => _network.Drop(null!));
    }

    private static QuicListenOptions Listening => new()
    {
        EndPoint = new IPEndPoint(Right, 0),
        Certificate = TestCertificates.Shared.Server,
    };

    private static QuicConnectOptions Connecting(EndPoint to) => new()
    {
        EndPoint = to,
        ServerName = "localhost",
        Trust = TestCertificates.Shared.Trust,
    };

    private Task<IQuicListener> ListenAsync() => _right.ListenAsync(Listening).AsTask();

    private async Task<(IQuicConnection Client, IQuicConnection Server)> PairAsync(
        IQuicListener listener, EndPoint? to = null, TimeSpan keepAlive = default)
    {
        var options = Connecting(to ?? listener.LocalEndPoint) with { KeepAliveInterval = keepAlive };
        var client = await _left.ConnectAsync(options).AsTask().WaitAsync(Soon);
        return (client, await AcceptAsync(listener, client));
    }

    /// <summary>The other end of this client; ends of others, accepted before, are passed over.</summary>
    private static async Task<IQuicConnection> AcceptAsync(IQuicListener listener, IQuicConnection client)
    {
        while (true)
        {
            var server = await listener.AcceptConnectionAsync().AsTask().WaitAsync(Soon);
            if (server.RemoteEndPoint.Equals(client.LocalEndPoint)) return server;
        }
    }

    private static async Task<byte[]> ReadAsync(IQuicStream stream, int count)
    {
        var result = await stream.Input.ReadAtLeastAsync(count).AsTask().WaitAsync(Soon);
        var bytes = new byte[result.Buffer.Length];
        result.Buffer.CopyTo(bytes);
        stream.Input.AdvanceTo(result.Buffer.End);
        return bytes;
    }
}
