using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;

namespace Macula.Actors.Tests.Models;

/// <summary>Where a concern lives in a model: everything runs on the calling thread, so that a step is over when it
/// returns; the concern is supervised as in a node, and those who know announce themselves after a crash.</summary>
internal sealed class ModelWorld : IDisposable
{
    private readonly TestKit _kit;
    private readonly IActorRef _supervisor;
    private readonly IReadOnlyList<IBoundedTable> _tables;

    /// <param name="concern">The actor that is tried.</param>
    /// <param name="announce">Called after a crash: tell it what connections tell.</param>
    /// <param name="before">Makes those that the actor must know.</param>
    public ModelWorld(
        TestKit kit, Func<TableCensus, GatewayMetrics, Props> concern, Action<IActorRef> announce,
        Action<ModelWorld>? before = null)
    {
        _kit = kit;
        before?.Invoke(this);
        Metrics = new GatewayMetrics(Meters, Census);
        var props = concern(Census, Metrics).WithDispatcher(CallingThreadDispatcher.Id);
        _supervisor = Actor(() => new Supervisor(props, announce));
        Concern = ((Supervisor)((TestActorRefBase<Supervisor>)_supervisor).UnderlyingActor).Concern;
        _tables = Census.Tables;
    }

    public TestMeters Meters { get; } = new();

    public TableCensus Census { get; } = new();

    public GatewayMetrics Metrics { get; }

    public IActorRef Concern { get; }

    /// <summary>What messages hold while they are on their way: nothing after a step.</summary>
    public ReadCredit Credit { get; } = new(1000, 1_000_000);

    public FrameLease Lease() => Credit.TakeAsync(1).AsTask().GetAwaiter().GetResult(); // there is enough

    /// <summary>Throws when a table has more than it may.</summary>
    public void CompareBounds()
    {
        foreach (var table in _tables) Assert.InRange(table.Size, 0, table.Limit);
    }

    /// <summary>Keeps what it is told.</summary>
    public Told Someone() => new(this);

    // Not Sys.Stop, which asks the guardian, on a thread of its own.
    public static void Stop(IActorRef actor) => ((IInternalActorRef)actor).Stop();

    public void Advance(TimeSpan time) => _kit.Advance(time);

    public void Dispose()
    {
        Stop(_supervisor);
        Meters.Dispose();
    }

    internal IActorRef Actor<T>(System.Linq.Expressions.Expression<Func<T>> make)
        where T : ActorBase =>
        new TestActorRef<T>(_kit.Sys, Props.Create(make).WithDispatcher(CallingThreadDispatcher.Id));

    private sealed class Supervisor : ReceiveActor
    {
        public Supervisor(Props concern, Action<IActorRef> announce)
        {
            Concern = Context.ActorOf(concern, "concern");
            Receive<GatewayProtocol.Restarted>(_ =>
            {
                announce(Concern);
                Concern.Tell(GatewayProtocol.Recovered.Instance);
            });
            ReceiveAny(_ => { });
        }

        public IActorRef Concern { get; }

        protected override SupervisorStrategy SupervisorStrategy() =>
            new OneForOneStrategy(-1, Timeout.Infinite, _ => Directive.Restart, loggingEnabled: false);
    }
}

/// <summary>An actor that keeps what it is told: a connection, or whoever asks.</summary>
internal sealed class Told
{
    public Told(ModelWorld world)
    {
        Action<object> keep = Keep;
        Actor = world.Actor(() => new Keeper(keep));
    }

    public IActorRef Actor { get; }

    public List<object> Messages { get; } = [];

    /// <summary>What it does with the next message, while the one who tells it is still busy: what it says then is handled
    /// later, and in order.</summary>
    public Action? Then { get; set; }

    /// <summary>The only message since the last call, or null.</summary>
    public object? Take()
    {
        Assert.InRange(Messages.Count, 0, 1);
        var message = Messages.Count == 1 ? Messages[0] : null;
        Messages.Clear();
        return message;
    }

    public void Die() => ModelWorld.Stop(Actor);

    private void Keep(object message)
    {
        Messages.Add(message);
        var then = Then;
        Then = null;
        then?.Invoke();
    }

    private sealed class Keeper : ReceiveActor
    {
        public Keeper(Action<object> keep) => ReceiveAny(keep);
    }
}

/// <summary>A stream of a connection in a model: counts what it takes.</summary>
internal sealed class ModelSink(Told connection) : IFrameSink
{
    public Told Owner { get; } = connection;

    public IActorRef Connection { get; } = connection.Actor;

    /// <summary>False: full, or ended.</summary>
    public bool IsOpen { get; set; } = true;

    public List<ReadOnlyMemory<byte>> Frames { get; } = [];

    public int Settled { get; private set; }

    public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery)
    {
        if (IsOpen) Frames.Add(frame);
        return IsOpen;
    }

    public void Settle() => Settled++;
}
