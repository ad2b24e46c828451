using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Macula.Actors.Protocol;

namespace Macula.Actors.Rpc;

/// <summary>The actors of this node that provide procedures, and what they have to do. Each operation is O(1), the end of
/// an actor costs its procedures. Not thread-safe.</summary>
internal sealed class HandlerTable
{
    private readonly Dictionary<Utf8Text, Handled> _procedures = [];
    private readonly Dictionary<IActorRef, Handler> _handlers = [];

    /// <summary>Procedures.</summary>
    public int Count => _procedures.Count;

    public Handled? Find(Utf8Text procedure) => _procedures.GetValueOrDefault(procedure);

    public bool Knows(IActorRef actor) => _handlers.ContainsKey(actor);

    /// <summary>Gives a procedure to an actor, in place of any other.</summary>
    /// <param name="former">The actor that had it, when it has nothing to do any more and was forgotten.</param>
    public void Register(string procedure, IActorRef actor, out IActorRef? former)
    {
        Utf8Text name = procedure;
        if (!_handlers.TryGetValue(actor, out var handler)) _handlers[actor] = handler = new Handler(actor);
        var previous = Find(name)?.Handler;
        previous?.Procedures.Remove(name);
        handler.Procedures.Add(name);
        _procedures[name] = new Handled(name, procedure, handler);
        former = previous is not null && TryForget(previous) ? previous.Actor : null;
    }

    /// <summary>An actor has completed a call, in time or late.</summary>
    /// <param name="forgotten">True when it has nothing to do any more.</param>
    public void Complete(IActorRef actor, ulong call, out bool forgotten) => forgotten =
        _handlers.TryGetValue(actor, out var handler) && handler.Running.Remove(call) && TryForget(handler);

    /// <summary>Takes all procedures of an actor back.</summary>
    public bool Remove(IActorRef actor, [NotNullWhen(true)] out Handler? handler)
    {
        if (!_handlers.Remove(actor, out handler)) return false;
        foreach (var procedure in handler.Procedures) _procedures.Remove(procedure);
        return true;
    }

    private bool TryForget(Handler handler) =>
        handler.Procedures.Count == 0 && handler.Running.Count == 0 && _handlers.Remove(handler.Actor);
}

/// <summary>A procedure of an actor of this node.</summary>
internal sealed record Handled(Utf8Text Name, string Procedure, Handler Handler);

/// <summary>An actor of this node that provides procedures.</summary>
internal sealed class Handler(IActorRef actor)
{
    public IActorRef Actor { get; } = actor;

    /// <summary>Its pending calls; not listed among the callers.</summary>
    public Place Place { get; } = new Party(actor).Own;

    public HashSet<Utf8Text> Procedures { get; } = [];

    /// <summary>The calls that it has not completed, ended ones included: they are still in its mailbox.</summary>
    public HashSet<ulong> Running { get; } = [];
}
