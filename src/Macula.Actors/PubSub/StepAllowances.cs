using Akka.Actor;
using Macula.Actors.Bounded;

namespace Macula.Actors.PubSub;

/// <summary>How many steps each client may have looked for retained messages: so many, and as many again each second, not
/// all at once.</summary>
/// <remarks>Holds those who do not have all. Not thread-safe.</remarks>
/// <param name="most">Steps that one may take at once, and in a second; above 0.</param>
internal sealed class StepAllowances(int most)
{
    /// <summary>After so long a client has all again, whatever it took.</summary>
    public static readonly TimeSpan Refill = TimeSpan.FromSeconds(1);

    private readonly Dictionary<IActorRef, TimeSpan> _fullAt = new(ActorRefComparer.Instance);

    public int Count => _fullAt.Count;

    /// <summary>Whether something is known of the client.</summary>
    public bool Has(IActorRef client) => _fullAt.ContainsKey(client);

    /// <returns>Steps, from 0 to the most.</returns>
    public int Left(IActorRef client, TimeSpan now)
    {
        if (!_fullAt.TryGetValue(client, out var fullAt) || fullAt <= now) return most;
        return most - (int)RoundedUp((fullAt - now).Ticks * most, Refill.Ticks);
    }

    /// <param name="steps">No more than are left.</param>
    public void Take(IActorRef client, int steps, TimeSpan now)
    {
        if (steps == 0) return;
        var from = _fullAt.TryGetValue(client, out var fullAt) && fullAt > now ? fullAt : now;
        _fullAt[client] = from + TimeSpan.FromTicks(RoundedUp(steps * Refill.Ticks, most));
    }

    public void Remove(IActorRef client) => _fullAt.Remove(client);

    /// <summary>Forgets those who have all again.</summary>
    /// <returns>Who that was.</returns>
    public IReadOnlyList<IActorRef> RemoveFull(TimeSpan now)
    {
        List<IActorRef> full = [.. _fullAt.Where(each => each.Value <= now).Select(each => each.Key)];
        foreach (var client in full) _fullAt.Remove(client);
        return full;
    }

    private static long RoundedUp(long dividend, long divisor) => (dividend + divisor - 1) / divisor;
}
