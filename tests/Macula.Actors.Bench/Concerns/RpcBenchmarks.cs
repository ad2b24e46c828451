using System.Buffers;
using System.Diagnostics;
using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;

namespace Macula.Actors.Bench.Concerns;

/// <summary>Calls through the actors of calls and of services, to a provider and back. Callers and providers are actors,
/// as connections are.</summary>
internal static class RpcBenchmarks
{
    private const int N = 10_000;

    private static readonly Utf8Text Procedure = "bench.echo";

    public static IEnumerable<Benchmark> All =>
    [
        new("rpc.call_reply.1", N, 3_300, 5, bed => CallReplyAsync(bed, 1)),
        new("rpc.call_reply.64", N, null, 5, bed => CallReplyAsync(bed, 64)),
        new("rpc.caller_death", N, 138_000, 5, CallerDeathAsync),
    ];

    private static async Task<Sample> CallReplyAsync(Bed bed, int callers)
    {
        var rpc = await RpcAsync(bed, answers: true);
        var times = new TimeSpan[N];
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (left, next) = (N, N);
        Func<bool> takeTurn = TakeTurn;
        Action<TimeSpan> record = Record;
        var all = Enumerable.Range(0, callers)
            .Select(_ => bed.System.ActorOf(Akka.Actor.Props.Create(() => new Caller(rpc, takeTurn, record)))).ToArray();
        GC.Collect();
        var clock = new Clock();
        foreach (var caller in all) caller.Tell(Pipeline.Start.Instance);
        await done.Task.WaitAsync(TimeSpan.FromMinutes(2));
        return Sample.Of(clock, times);

        bool TakeTurn() => Interlocked.Decrement(ref next) >= 0;
        void Record(TimeSpan time)
        {
            var at = Interlocked.Decrement(ref left);
            times[at] = time;
            if (at == 0) done.SetResult();
        }
    }

    private static async Task<Sample> CallerDeathAsync(Bed bed)
    {
        var rpc = await RpcAsync(bed, answers: false);
        var connections = await bed.ConnectionsAsync(N);
        var message = new CallMessage(Procedure, "{}"u8.ToArray(), CallId.FromCounter(1));
        await bed.PipelineAsync(
            rpc, N, i => new RpcProtocol.Call(new Sink(connections[i]), message, default), batch: 16);
        while (bed.Size("rpc.pending_calls") < N) await bed.HandledAsync(rpc);
        await bed.HandledAsync(rpc); // the registry's last answers have come too
        return await bed.UntilEmptyAsync(
            rpc, () => Connections.Crash(connections), "rpc.pending_calls");
    }

    private static async Task<IActorRef> RpcAsync(Bed bed, bool answers)
    {
        var self = NodeId.Parse("bench");
        var registry = bed.System.ActorOf(
            RegistryActor.Props(bed.Settings.Registry, bed.Settings.KnownPeers, self, bed.Census, bed.Metrics));
        var rpc = bed.System.ActorOf(RpcActor.Props(
            bed.Settings.Rpc, self, registry, ActorRefs.Nobody, ActorRefs.Nobody, bed.Census, bed.Metrics));
        var node = NodeId.Random();
        var provider = bed.System.ActorOf(Akka.Actor.Props.Create(() => new Provider(rpc)));
        IFrameSink sink = answers ? new Relay(provider) : new Sink(provider);
        var record = new ServiceRecord(node, "https://127.0.0.1:9443", new RawValue(new byte[] { 0x80 }), Procedure: Procedure);
        registry.Tell(new RegistryProtocol.NodeSeen(sink, node, "127.0.0.1:1", "", default));
        registry.Tell(new RegistryProtocol.Store(
            sink, node, DhtKey.ForName(Procedure),
            [new RegistryProtocol.StoredRecord(record, record.Encode(), bed.System.Scheduler.Elapsed())], default));
        await bed.HandledAsync(registry);
        return rpc;
    }

    /// <summary>A stream whose frames go to its connection's actor.</summary>
    private sealed class Relay(IActorRef connection) : IFrameSink
    {
        public IActorRef Connection { get; } = connection;

        public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery)
        {
            Connection.Tell(new Received(this, frame[Frame.HeaderLength..]));
            return true;
        }

        public void Settle()
        {
        }
    }

    private sealed record Received(Relay Stream, ReadOnlyMemory<byte> Payload);

    /// <summary>Answers each call with its arguments.</summary>
    private sealed class Provider(IActorRef rpc) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is Received received
                && CallMessage.TryDecode(new ReadOnlySequence<byte>(received.Payload), out var call, out _))
                rpc.Tell(new RpcProtocol.Reply(received.Stream, new ReplyMessage(call.CallId, call.Args), default));
        }
    }

    /// <summary>Calls, waits for the reply, calls again.</summary>
    private sealed class Caller(IActorRef rpc, Func<bool> takeTurn, Action<TimeSpan> record) : UntypedActor
    {
        private static readonly byte[] Args = "{}"u8.ToArray();

        private readonly Relay _stream = new(Context.Self);
        private UInt128 _lastId;
        private long _told;

        protected override void OnReceive(object message)
        {
            if (message is Received received) Check(received);
            if (!takeTurn()) return;
            _told = Stopwatch.GetTimestamp();
            rpc.Tell(new RpcProtocol.Call(_stream, new CallMessage(Procedure, Args, CallId.FromCounter(++_lastId)), default));
        }

        private void Check(Received received)
        {
            var time = Stopwatch.GetElapsedTime(_told);
            if (!ReplyMessage.TryDecode(new ReadOnlySequence<byte>(received.Payload), out var reply, out var error)
                || reply.Error is not null || reply.CallId != CallId.FromCounter(_lastId))
                throw new InvalidOperationException($"That is no good reply: {error}");
            record(time);
        }
    }
}
