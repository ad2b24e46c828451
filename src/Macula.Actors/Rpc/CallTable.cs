using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.Rpc;

/// <summary>The calls that wait, by id, by caller and by provider, with their deadlines. Each operation is O(1); all
/// indexes change together. Not thread-safe.</summary>
internal sealed class CallTable(TimeSpan now)
{
    private static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(20);

    private readonly Dictionary<ulong, PendingCall> _calls = [];
    private readonly Dictionary<IActorRef, Party> _parties = [];
    private readonly DeadlineWheel<PendingCall> _deadlines = new(Resolution, now);

    public int Count => _calls.Count;

    /// <summary>A copy of what is there.</summary>
    public IReadOnlyList<PendingCall> All => [.. _calls.Values];

    /// <summary>Connections and handlers that are part of a call, or were and are still connected.</summary>
    public int Parties => _parties.Count;

    public int CountOf(IActorRef caller) => _parties.GetValueOrDefault(caller)?.Called.Count ?? 0;

    /// <returns>True when the caller was not known before, so that it must be watched.</returns>
    public bool Add(PendingCall call, TimeSpan due)
    {
        _calls.Add(call.Id, call);
        call.Due = due;
        call.Deadline = _deadlines.Set(call, due);
        var isNew = Party(call.Caller.Connection, out var caller);
        caller.Called.Add(call.Id, call);
        caller.ByCallId[call.Message.CallId] = call;
        return isNew;
    }

    /// <param name="stream">Where the call goes, or null when an actor of this node runs it.</param>
    /// <returns>True when the provider was not known before, so that it must be watched.</returns>
    public bool Assign(PendingCall call, IActorRef provider, IFrameSink? stream)
    {
        (call.Provider, call.ProviderStream) = (provider, stream);
        var isNew = Party(provider, out var party);
        if (!party.Running.TryGetValue(Place(call), out var calls)) party.Running[Place(call)] = calls = [];
        calls.Add(call);
        return isNew;
    }

    /// <summary>Takes the chosen provider back, because the call could not be sent to it.</summary>
    public void Unassign(PendingCall call)
    {
        RemoveFromProvider(call);
        (call.Provider, call.ProviderStream) = (null, null);
    }

    public bool TryGet(ulong id, [NotNullWhen(true)] out PendingCall? call) => _calls.TryGetValue(id, out call);

    /// <summary>The calls that went to a provider on this stream.</summary>
    public IReadOnlyCollection<PendingCall> RunningOn(IFrameSink stream) =>
        _parties.TryGetValue(stream.Connection, out var party) && party.Running.TryGetValue(stream, out var calls)
            ? [.. calls]
            : [];

    /// <summary>The call that a caller knows under this id; the newest, when it used one twice.</summary>
    public bool TryGet(IActorRef caller, CallId id, [NotNullWhen(true)] out PendingCall? call)
    {
        call = null;
        return _parties.TryGetValue(caller, out var party) && party.ByCallId.TryGetValue(id, out call);
    }

    /// <summary>The only way out of the table. Removing twice does nothing.</summary>
    public bool Remove(PendingCall call)
    {
        if (!_calls.Remove(call.Id)) return false;
        if (call.Deadline is not null) _deadlines.Lift(call.Deadline);
        if (_parties.TryGetValue(call.Caller.Connection, out var caller))
        {
            caller.Called.Remove(call.Id);
            if (caller.ByCallId.TryGetValue(call.Message.CallId, out var newest) && newest == call)
                caller.ByCallId.Remove(call.Message.CallId);
        }

        RemoveFromProvider(call);
        return true;
    }

    /// <summary>Forgets a party that has ended; its calls are still in the table and must be removed by the caller of
    /// this.</summary>
    public (IReadOnlyCollection<PendingCall> Called, IReadOnlyCollection<PendingCall> Running) RemoveParty(IActorRef party) =>
        _parties.Remove(party, out var found)
            ? ([.. found.Called.Values], [.. found.Running.Values.SelectMany(calls => calls)])
            : ([], []);

    public void Expire(TimeSpan now, Action<PendingCall> expired) => _deadlines.Expire(now, expired);

    private void RemoveFromProvider(PendingCall call)
    {
        if (call.Provider is null || !_parties.TryGetValue(call.Provider, out var party)) return;
        if (!party.Running.TryGetValue(Place(call), out var calls) || !calls.Remove(call)) return;
        if (calls.Count == 0) party.Running.Remove(Place(call));
    }

    private static object Place(PendingCall call) => call.ProviderStream ?? (object)call.Provider!;

    private bool Party(IActorRef actor, out Party party)
    {
        if (_parties.TryGetValue(actor, out var known))
        {
            party = known;
            return false;
        }

        _parties[actor] = party = new Party();
        return true;
    }
}

/// <summary>What one connection or handler has to do with calls.</summary>
internal sealed class Party
{
    public Dictionary<ulong, PendingCall> Called { get; } = [];

    public Dictionary<CallId, PendingCall> ByCallId { get; } = [];

    /// <summary>What it runs, by the stream that the calls went to; those of a handler by the handler itself.</summary>
    public Dictionary<object, HashSet<PendingCall>> Running { get; } = [];
}
