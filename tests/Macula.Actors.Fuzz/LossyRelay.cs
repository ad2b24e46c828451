using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Macula.Actors.Fuzz;

/// <summary>A long and lossy path to a server: a UDP relay in this process, for any number of clients. Where tc-netem
/// would need root and a kernel that has it, this needs neither.</summary>
internal sealed class LossyRelay : IAsyncDisposable
{
    private const int Waiting = 50_000; // packets under way in one direction; what is more is lost, as in a router
    private const int Buffer = 4 * 1024 * 1024;
    private const int LargestPacket = 65535;

    private readonly Socket _front = Open();
    private readonly ConcurrentDictionary<EndPoint, Socket> _backs = [];
    private readonly CancellationTokenSource _over = new();
    private readonly ConcurrentBag<Task> _running = [];
    private readonly IPEndPoint _server;
    private readonly double _loss;
    private readonly TimeSpan _oneWay;
    private readonly Random _random;
    private long _packets, _bytes, _lost;

    /// <param name="loss">The share of packets lost each way, 0 to 1.</param>
    /// <param name="roundTrip">Half of it is added each way.</param>
    /// <param name="seed">Of the choice which packets get lost.</param>
    public LossyRelay(IPEndPoint server, double loss, TimeSpan roundTrip, int seed = 7)
    {
        (_server, _loss, _oneWay, _random) = (server, loss, roundTrip / 2, new Random(seed));
        var toServer = Lane();
        _running.Add(ReceiveAsync(_front, toServer, client => (Back(client), _server)));
    }

    public IPEndPoint EndPoint => (IPEndPoint)_front.LocalEndPoint!;

    /// <summary>That came from either side, those included that got lost.</summary>
    public long Packets => Interlocked.Read(ref _packets);

    /// <summary>Of these packets.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Packets that went no further.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await Task.WhenAll(_running);
        _front.Dispose();
        foreach (var back in _backs.Values) back.Dispose();
        _over.Dispose();
    }

    private static Socket Open()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        { ReceiveBufferSize = Buffer, SendBufferSize = Buffer };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    // The server's answers to this client come here.
    private Socket Back(EndPoint client)
    {
        if (_backs.TryGetValue(client, out var known)) return known;
        var back = _backs[client] = Open();
        _running.Add(ReceiveAsync(back, Lane(), _ => (_front, client)));
        return back;
    }

    private Channel<Packet> Lane()
    {
        var lane = Channel.CreateBounded<Packet>(
            new BoundedChannelOptions(Waiting) { FullMode = BoundedChannelFullMode.DropWrite });
        _running.Add(DeliverAsync(lane));
        return lane;
    }

    private async Task ReceiveAsync(Socket from, Channel<Packet> lane, Func<EndPoint, (Socket, EndPoint)> route)
    {
        var buffer = new byte[LargestPacket];
        var any = new IPEndPoint(IPAddress.Any, 0);
        try
        {
            while (true)
            {
                var received = await from.ReceiveFromAsync(buffer, any, _over.Token);
                var (via, to) = route(received.RemoteEndPoint);
                Interlocked.Increment(ref _packets);
                Interlocked.Add(ref _bytes, received.ReceivedBytes);
                if (IsLost()) Interlocked.Increment(ref _lost);
                else
                    lane.Writer.TryWrite(
                        new Packet(buffer[..received.ReceivedBytes], via, to, Stopwatch.GetTimestamp()));
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task DeliverAsync(Channel<Packet> lane)
    {
        try
        {
            await foreach (var packet in lane.Reader.ReadAllAsync(_over.Token))
            {
                var early = _oneWay - Stopwatch.GetElapsedTime(packet.Came);
                // Nothing is waited for: this is how long the path is.
                if (early > TimeSpan.Zero) await Task.Delay(early, _over.Token);
                await packet.Via.SendToAsync(packet.Bytes, packet.To, _over.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Disposed, or the machine says that the other end is gone.
        }
    }

    private bool IsLost()
    {
        lock (_random) return _random.NextDouble() < _loss;
    }

    private sealed record Packet(byte[] Bytes, Socket Via, EndPoint To, long Came);
}
