using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Fuzz;

/// <summary>A UDP relay in front of a server that loses, delays, doubles, cuts and spoils packets, and can move its client
/// to another port. For one client.</summary>
internal sealed class BadNetwork : IAsyncDisposable
{
    /// <summary>Ports that the client had before and that are still listened to.</summary>
    private const int MostOldPorts = 8;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly UdpClient _front = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly IPEndPoint _server;
    private readonly double _fault;
    private readonly Random _random;
    private readonly Action<ReadOnlyMemory<byte>>? _seen;
    private readonly CancellationTokenSource _over = new();
    private readonly Queue<UdpClient> _backs = [];
    private readonly Task _relaying;
    private IPEndPoint? _client;
    private volatile UdpClient _back;
    private volatile bool _isDeaf;
    private int _fromClient;

    /// <param name="fault">The share of packets, 0 to 1, that meet each kind of misfortune.</param>
    /// <param name="seen">Is shown every packet as it was sent.</param>
    public BadNetwork(IPEndPoint server, double fault, int seed = 7, Action<ReadOnlyMemory<byte>>? seen = null)
    {
        (_server, _fault, _random, _seen) = (server, fault, new Random(seed), seen);
        _back = NewBack();
        _relaying = Relay(_front, (packet, from) =>
        {
            _client = from;
            Interlocked.Increment(ref _fromClient);
            return _isDeaf || Seizes?.Invoke(packet) == true ? Task.CompletedTask : _back.SendAsync(packet, _server, _over.Token).AsTask();
        });
    }

    public IPEndPoint EndPoint => (IPEndPoint)_front.Client.LocalEndPoint!;

    /// <summary>Packets that came from the client.</summary>
    public int FromClient => Volatile.Read(ref _fromClient);

    /// <summary>What the client says is lost, all of it.</summary>
    public bool IsClientUnheard
    {
        get => _isDeaf;
        set => _isDeaf = value;
    }

    /// <summary>Shown what the client sends; what it says true to goes no further.</summary>
    public Func<ReadOnlyMemory<byte>, bool>? Seizes { get; set; }

    /// <summary>The same of what the server sends.</summary>
    public Func<ReadOnlyMemory<byte>, bool>? SeizesAnswers { get; set; }

    /// <summary>From here on the server sees the client at another port, as after a NAT lost its mind.</summary>
    public int Move()
    {
        _back = NewBack();
        while (_backs.Count > MostOldPorts) _backs.Dequeue().Dispose();
        return ((IPEndPoint)_back.Client.LocalEndPoint!).Port;
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _relaying.WaitAsync(Patience);
        _front.Dispose();
        foreach (var back in _backs) back.Dispose();
        _over.Dispose();
    }

    private UdpClient NewBack()
    {
        var back = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        _backs.Enqueue(back);
        _ = Relay(back, (packet, _) => SeizesAnswers?.Invoke(packet) == true
            ? Task.CompletedTask
            : _front.SendAsync(packet, _client!, _over.Token).AsTask());
        return back;
    }

    private async Task Relay(UdpClient from, Func<ReadOnlyMemory<byte>, IPEndPoint, Task> send)
    {
        ReadOnlyMemory<byte>? late = null;
        while (!_over.IsCancellationRequested)
        {
            try
            {
                var received = await from.ReceiveAsync(_over.Token);
                _seen?.Invoke(received.Buffer);
                if (Strikes()) continue;
                var packet = received.Buffer.AsMemory();
                if (Strikes()) packet.Span[Pick(packet.Length)] ^= (byte)(1 << Pick(8));
                if (Strikes()) packet = packet[..(1 + Pick(packet.Length))];
                if (Strikes()) await send(packet, received.RemoteEndPoint);
                if (late is null && Strikes())
                {
                    late = packet;
                    continue;
                }

                await send(packet, received.RemoteEndPoint);
                if (late is { } first) await send(first, received.RemoteEndPoint);
                late = null;
            }
            catch (SocketException)
            {
                // A port that nobody listens at any more; what else is sent may still arrive.
            }
            catch (Exception fault) when (fault is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
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
