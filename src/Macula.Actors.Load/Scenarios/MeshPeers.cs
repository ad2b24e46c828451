using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Scenarios;

/// <summary>Mesh peers of the node: many ids behind a few ports of this process, which answer the calls that are
/// routed to them.</summary>
internal sealed class MeshPeers : IAsyncDisposable
{
    private const int Ports = 4;

    private static readonly X509Certificate2 Certificate = CreateCertificate();

    private readonly ConcurrentDictionary<NodeId, int> _open = [];
    private readonly ConcurrentQueue<(NodeId Peer, QuicClosed How)> _ended = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly List<IQuicListener> _listeners = [];
    private readonly List<Task> _accepting = [];
    private long _connections;

    /// <summary>Of the certificate that all of them show.</summary>
    public static string Fingerprint { get; } = QuicTrust.Fingerprint(Certificate);

    /// <summary>Connections that are open to each peer that has any.</summary>
    public IReadOnlyDictionary<NodeId, int> Open => _open;

    /// <summary>Connections that have ended, and how.</summary>
    public IReadOnlyCollection<(NodeId Peer, QuicClosed How)> Ended => _ended;

    /// <summary>Connections that were ever made.</summary>
    public long Connections => Interlocked.Read(ref _connections);

    public static async Task<MeshPeers> StartAsync(IQuicProvider provider, CancellationToken cancellationToken)
    {
        var peers = new MeshPeers();
        for (var i = 0; i < Ports; i++)
        {
            var listener = await provider.ListenAsync(
                new QuicListenOptions
                {
                    EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                    Certificate = Certificate,
                    IdleTimeout = TimeSpan.FromMinutes(2),
                },
                cancellationToken).ConfigureAwait(false);
            peers._listeners.Add(listener);
            peers._accepting.Add(Task.Run(() => peers.AcceptAsync(listener), cancellationToken));
        }

        return peers;
    }

    /// <summary>The procedure that the peer with this number provides.</summary>
    public static string Procedure(int number) => $"load.mesh.{number}";

    /// <summary>Lets clients of the node store where the peers provide their procedures.</summary>
    /// <returns>The clients: what they stored goes with them.</returns>
    public async Task<LoadClient[]> AdvertiseAsync(ScenarioRun run, int count, CancellationToken cancellationToken)
    {
        const int each = 500; // below what a client may store
        var clients = await Crowd.GatherAsync(
            (count + each - 1) / each, Crowd.Width,
            (i, stop) => LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(i, "advertiser"), stop), cancellationToken)
            .ConfigureAwait(false);
        for (var number = 0; number < count; number++)
        {
            var client = clients[number / each];
            await client.SendAsync(
                Services.Store(Procedure(number), run.Seeded.Id(number, "peer"), EndPoint(number), ttl: 300))
                .ConfigureAwait(false);
        }

        foreach (var client in clients) await client.SettleAsync(cancellationToken).ConfigureAwait(false);
        return clients;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var listener in _listeners) await listener.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(_accepting).ConfigureAwait(false);
        _stop.Dispose();
    }

    private string EndPoint(int number) => $"https://{_listeners[number % Ports].LocalEndPoint}";

    private async Task AcceptAsync(IQuicListener listener)
    {
        try
        {
            while (true)
            {
                var connection = await listener.AcceptConnectionAsync(_stop.Token).ConfigureAwait(false);
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(connection);
            }
        }
        catch (Exception error) when (error is QuicTransportException or OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(IQuicConnection connection)
    {
        NodeId self = default;
        try
        {
            while (true)
            {
                var stream = await connection.AcceptStreamAsync(_stop.Token).ConfigureAwait(false);
                var asked = await AnswerAsync(stream).ConfigureAwait(false);
                if (!self.IsEmpty || asked.IsEmpty) continue;
                self = asked;
                _open.AddOrUpdate(self, 1, (_, count) => count + 1);
            }
        }
        catch (Exception error) when (error is QuicTransportException or OperationCanceledException)
        {
            if (_stop.IsCancellationRequested) connection.Abort(DisconnectReason.Normal.Code());
            var how = await connection.Closed.ConfigureAwait(false);
            if (!self.IsEmpty)
            {
                _ended.Enqueue((self, how));
                if (_open.AddOrUpdate(self, 0, (_, count) => count - 1) == 0) _open.TryRemove(self, out _);
            }

            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    // Whom the call was for; nobody when it was none.
    private async Task<NodeId> AnswerAsync(IQuicStream stream)
    {
        var asked = default(NodeId);
        try
        {
            while (asked.IsEmpty)
            {
                var read = await stream.Input.ReadAsync(_stop.Token).ConfigureAwait(false);
                var rest = read.Buffer;
                if (FrameReader.TryRead(ref rest, Frame.DefaultMaxPayload, out var frame, out _) == FrameReadStatus.Frame
                    && frame.Type == FrameType.RpcRoute && RpcRouteMessage.TryDecode(frame.Payload, out var route, out _)
                    && CallMessage.TryDecode(route.Payload.AsPayload(), out var call, out _))
                {
                    asked = route.Destination;
                    var reply = new ReplyMessage(call.CallId, "1"u8.ToArray());
                    RpcRouteMessage.ForReply(route.Source, asked, reply).Encode(stream.Output);
                }

                stream.Input.AdvanceTo(rest.Start, rest.End);
                if (read.IsCompleted) break;
            }

            await stream.Output.CompleteAsync().ConfigureAwait(false);
            await stream.DisposeAsync().ConfigureAwait(false);
        }
        catch (QuicTransportException)
        {
            // The node no longer waits.
        }

        return asked;
    }

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Macula load", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }
}
