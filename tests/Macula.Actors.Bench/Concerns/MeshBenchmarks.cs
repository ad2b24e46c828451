using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Concerns;

/// <summary>The mesh pool over connections that cost nothing: getting a stream from a full pool, to a peer that is in it
/// and to one that is not.</summary>
internal static class MeshBenchmarks
{
    private const int Reuses = 100_000;
    private const int Inserts = 10_000;
    private static readonly PeerAddress Address = new("127.0.0.1", 9443);

    public static IEnumerable<Benchmark> All =>
        from row in ((int Size, double Reuse, double Insert)[])
            [(1_000, 133_000, 10_400), (10_000, 105_000, 370), (100_000, 67_000, 6)]
        from benchmark in (Benchmark[])
        [
            new($"mesh.reuse.{row.Size}", Reuses, row.Reuse, 5, bed => ReuseAsync(bed, row.Size)),
            new($"mesh.insert_evict.{row.Size}", Inserts, row.Insert, 5, bed => InsertAsync(bed, row.Size)),
        ]
        orderby benchmark.Name.StartsWith("mesh.insert", StringComparison.Ordinal)
        select benchmark;

    private static async Task<Sample> ReuseAsync(Bed bed, int size)
    {
        var (pool, peers) = await FullPoolAsync(bed, size);
        var sample = await bed.PipelineAsync(pool, Reuses, i => Open(peers[(int)(i * 7919L % size)]));
        Check(bed, size);
        return sample;
    }

    private static async Task<Sample> InsertAsync(Bed bed, int size)
    {
        var (pool, _) = await FullPoolAsync(bed, size);
        NodeId[] strangers = [.. Enumerable.Range(0, Inserts).Select(_ => NodeId.Random())];
        var sample = await bed.PipelineAsync(pool, Inserts, i => Open(strangers[i]));
        Check(bed, size);
        var evictions = bed.Census.Tables.First(each => each.Name == "mesh.connections").Evictions;
        return evictions >= Inserts ? sample : throw new InvalidOperationException($"Only {evictions} were evicted.");
    }

    private static async Task<(IActorRef Pool, NodeId[] Peers)> FullPoolAsync(Bed bed, int size)
    {
        var options = bed.Settings.Mesh with { MaxConnections = size };
        var provider = new Provider();
        var pool = bed.System.ActorOf(MeshPoolActor.Props(
            options, provider, address => new QuicConnectOptions { EndPoint = address.EndPoint }, 1 << 20, bed.Census,
            bed.Metrics));
        NodeId[] peers = [.. Enumerable.Range(0, size).Select(_ => NodeId.Random())];
        await bed.PipelineAsync(pool, size, i => Open(peers[i]));
        return (pool, peers);
    }

    private static MeshProtocol.OpenStream Open(NodeId peer) => new(peer, Address);

    private static void Check(Bed bed, int connections)
    {
        if (bed.Size("mesh.connections") is var size && size != connections)
            throw new InvalidOperationException($"There are {size} connections, not {connections}.");
    }

    private sealed class Provider : IQuicProvider
    {
        private const int Open = 128; // streams that have not ended, more than the benchmark's window

        private readonly ConcurrentQueue<Stream> _streams = [];

        public string Name => "none";

        public QuicSupport Support => new(true, "connections that cost nothing");

        public ValueTask<IQuicListener> ListenAsync(
            QuicListenOptions options, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IQuicConnection> ConnectAsync(
            QuicConnectOptions options, CancellationToken cancellationToken = default) => new(new Connection(this));

        public Stream NewStream(Connection connection)
        {
            var stream = new Stream(connection);
            _streams.Enqueue(stream);
            if (_streams.Count > Open && _streams.TryDequeue(out var oldest)) oldest.End();
            return stream;
        }
    }

    private sealed class Connection(Provider provider) : IQuicConnection
    {
        private static readonly IPEndPoint Nowhere = new(IPAddress.Loopback, 9443);

        private readonly TaskCompletionSource<QuicClosed> _closed =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IPEndPoint LocalEndPoint => Nowhere;

        public IPEndPoint RemoteEndPoint => Nowhere;

        public string ApplicationProtocol => "macula";

        public string? ServerName => null;

        public X509Certificate2? RemoteCertificate => null;

        public Task<QuicClosed> Closed => _closed.Task;

        public ValueTask<IQuicStream> OpenStreamAsync(CancellationToken cancellationToken = default) =>
            new(provider.NewStream(this));

        public ValueTask<IQuicStream> OpenUnidirectionalStreamAsync(CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask<IQuicStream> AcceptStreamAsync(CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask CloseAsync(long errorCode, string reason = "", CancellationToken cancellationToken = default)
        {
            Abort(errorCode, reason);
            return ValueTask.CompletedTask;
        }

        public void Abort(long errorCode, string reason = "") =>
            _closed.TrySetResult(new QuicClosed(QuicTransportError.None, errorCode, false, reason));

        public ValueTask DisposeAsync() => CloseAsync(0);
    }

    private sealed class Stream(Connection connection) : IQuicStream
    {
        private readonly TaskCompletionSource _closed = new();

        public bool CanRead => true;

        public bool CanWrite => true;

        public long? StopCode => null;

        public long Id => 0;

        public IQuicConnection Connection => connection;

        public PipeReader Input => throw new NotSupportedException();

        public PipeWriter Output => throw new NotSupportedException();

        public Task Closed => _closed.Task;

        public void End() => _closed.TrySetResult();

        public void Abort(QuicAbortDirection direction, long errorCode) => End();

        public ValueTask DisposeAsync()
        {
            End();
            return ValueTask.CompletedTask;
        }
    }
}
