using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>A UDP relay in front of a server that loses, delays, doubles and spoils packets, and can move its client
/// to another port. For one client.</summary>
internal sealed class BadNetwork : IAsyncDisposable
{
    private readonly UdpClient _front = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly IPEndPoint _server;
    private readonly double _fault;
    private readonly Random _random = new(7);
    private readonly CancellationTokenSource _over = new();
    private readonly List<Task> _running = [];
    private readonly List<UdpClient> _backs = [];
    private IPEndPoint? _client;
    private volatile UdpClient _back;

    /// <param name="fault">The share of packets, 0 to 1, that meet each kind of misfortune.</param>
    public BadNetwork(IPEndPoint server, double fault)
    {
        (_server, _fault) = (server, fault);
        _back = NewBack();
        _running.Add(Relay(_front, (packet, from) =>
        {
            _client = from;
            return _back.SendAsync(packet, _server, _over.Token).AsTask();
        }));
    }

    public IPEndPoint EndPoint => (IPEndPoint)_front.Client.LocalEndPoint!;

    /// <summary>From here on the server sees the client at another port, as after a NAT lost its mind.</summary>
    public int Move()
    {
        _back = NewBack();
        return ((IPEndPoint)_back.Client.LocalEndPoint!).Port;
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await Task.WhenAll(_running).WaitAsync(Pair.Patience);
        _front.Dispose();
        foreach (var back in _backs) back.Dispose();
        _over.Dispose();
    }

    private UdpClient NewBack()
    {
        var back = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        _backs.Add(back);
        _running.Add(Relay(back, (packet, _) => _front.SendAsync(packet, _client!, _over.Token).AsTask()));
        return back;
    }

    private async Task Relay(UdpClient from, Func<byte[], IPEndPoint, Task> send)
    {
        byte[]? late = null;
        try
        {
            while (true)
            {
                var received = await from.ReceiveAsync(_over.Token);
                var packet = received.Buffer;
                if (Strikes()) continue;
                if (Strikes()) packet[Pick(packet.Length)] ^= 0x55;
                if (Strikes()) await send(packet, received.RemoteEndPoint);
                if (late is null && Strikes())
                {
                    late = packet;
                    continue;
                }

                await send(packet, received.RemoteEndPoint);
                if (late is not null) await send(late, received.RemoteEndPoint);
                late = null;
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or SocketException)
        {
            // The spec is over.
        }
    }

    private bool Strikes()
    {
        lock (_random) return _random.NextDouble() < _fault;
    }

    private int Pick(int length)
    {
        lock (_random) return _random.Next(length);
    }
}
