using Akka.Actor;

namespace Macula.Actors.Gateway;

/// <summary>An actor that owns one concern of the node, such as the clients or the subscriptions.</summary>
/// <remarks>
/// What it knows of connections, the connection actors know too. After a failure it starts anew, empty, and until every
/// connection has announced itself again it takes announcements only; what else it is told waits, so that nobody gets an
/// answer out of half a table. The wait is bounded: peers' messages hold credit, and a connection asks one thing at a time.
/// Nothing is lost but what the actor was doing when it failed.
/// </remarks>
public abstract class ConcernActor : ReceiveActor, IWithUnboundedStash, IWithTimers
{
    // Connections are told at once and answer at once; this is for one that cannot, for a reason nobody foresaw.
    private static readonly TimeSpan RecoveryDeadline = TimeSpan.FromSeconds(5);

    public IStash Stash { get; set; } = null!;

    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Lists the handlers of the actor at work; called by its constructor and after each recovery.</summary>
    protected abstract void Working();

    /// <summary>Lists the handlers of announcements, and of ends and ticks, while the actor recovers.</summary>
    protected abstract void Recovering();

    protected override void PostRestart(Exception reason)
    {
        base.PostRestart(reason);
        Become(() =>
        {
            Recovering();
            Receive<GatewayProtocol.Recovered>(_ => OnRecovered());
            ReceiveAny(_ => Stash.Stash());
        });
        Timers.StartSingleTimer(
            GatewayProtocol.Recovered.Instance, GatewayProtocol.Recovered.Instance, RecoveryDeadline);
        Context.Parent.Tell(GatewayProtocol.Restarted.Instance);
    }

    /// <summary>Handles <typeparamref name="T"/> and returns its credit afterwards, also when the handler throws.</summary>
    protected void ReceiveLeased<T>(Action<T> handler)
        where T : ILeased =>
        Receive<T>(message =>
        {
            try
            {
                handler(message);
            }
            finally
            {
                message.Lease.Return();
            }
        });

    private void OnRecovered()
    {
        Timers.Cancel(GatewayProtocol.Recovered.Instance);
        Become(() =>
        {
            Working();
            Receive<GatewayProtocol.Recovered>(_ => { }); // a second one, of the gateway or the timer
        });
        Stash.UnstashAll();
    }
}
