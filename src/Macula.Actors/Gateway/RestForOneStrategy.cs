using Akka.Actor;
using Akka.Actor.Internal;

namespace Macula.Actors.Gateway;

/// <summary>Restarts the concern that failed and those that depend on it, which come after it in the order: a dependant
/// never keeps stale facts about a neighbour that started anew.</summary>
/// <remarks>Children outside the order are restarted alone, or resumed: a listener loses the message that it failed at, and
/// keeps its connections, which a restart would restart too. When one has been restarted more often than allowed, it and
/// its dependants are stopped, and whoever watches them decides (shared with the reference: behaviour, section 0).</remarks>
internal sealed class RestForOneStrategy(
    Func<IReadOnlyList<IActorRef>> order, Func<IActorRef, bool> isResumed, int maxRestarts, TimeSpan within)
    : AllForOneStrategy(maxRestarts, within, _ => Directive.Restart)
{
    protected override Directive Handle(IActorRef child, Exception exception) =>
        isResumed(child) ? Directive.Resume : base.Handle(child, exception);

    public override void ProcessFailure(
        IActorContext context, bool restart, IActorRef child, Exception cause, ChildRestartStats stats,
        IReadOnlyCollection<ChildRestartStats> children)
    {
        HashSet<IActorRef> affected = [child, .. order().SkipWhile(each => !each.Equals(child))];
        base.ProcessFailure(
            context, restart, child, cause, stats, [.. children.Where(each => affected.Contains(each.Child))]);
    }
}
