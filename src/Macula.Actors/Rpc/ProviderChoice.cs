using static Macula.Actors.Registry.RegistryProtocol;

namespace Macula.Actors.Rpc;

/// <summary>Which provider of several gets a call.</summary>
internal static class ProviderChoice
{
    /// <summary>The next candidate that was not tried, or -1. Those who are dialled where they say that they listen
    /// come last: many say localhost.</summary>
    /// <param name="running">The calls that run at a provider.</param>
    public static int Next(PendingCall call, SelectionStrategy strategy, Func<Provider, int> running)
    {
        var (count, best, least) = (call.CandidateCount, -1, long.MaxValue);
        for (var i = 0; i < count; i++)
        {
            var at = (int)((call.Turn + i) % count);
            if (call.WasTried(at)) continue;
            var candidate = call.Candidates[at];
            var load = strategy == SelectionStrategy.LeastPending ? running(candidate) : 0L;
            if (IsDialled(candidate)) load += int.MaxValue;
            if (load >= least) continue;
            (best, least) = (at, load);
            if (least == 0) break; // nobody can be better
        }

        return best;
    }

    /// <summary>Where a call begins to look, so that candidates have their turns.</summary>
    /// <param name="turn">From 0.</param>
    public static long First(SelectionStrategy strategy, int count, long turn) => strategy switch
    {
        SelectionStrategy.First => 0,
        SelectionStrategy.Random => Random.Shared.Next(count),
        _ => turn,
    };

    /// <summary>Whether it is dialled where it, or whoever stored its record, says that it listens.</summary>
    public static bool IsDialled(Provider provider) => provider.Peer is { } peer && peer.Node == provider.Node;
}
