using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Nodes;

/// <summary>Learns that the node ends in the middle of a scenario, which has nothing to measure then: by its process, or,
/// where that is another's, by the connection that asks for its figures.</summary>
internal sealed class NodeEnd(OwnNode? own, NodeProbe probe)
{
    private const int ToldLines = 5; // of its log

    /// <summary>Waits until the node ends.</summary>
    /// <returns>How it ended; null when the wait was stopped.</returns>
    public async Task<string?> WaitAsync(CancellationToken stop)
    {
        try
        {
            await Task.WhenAny(own?.Exited ?? probe.Closed, probe.Closed).WaitAsync(stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return null;
        }

        if (own is { HasExited: true }) return $"the node ended with code {own.ExitCode}{Log(own)}";
        var closed = await probe.Closed.ConfigureAwait(false);
        return $"the node ended the connection that asks for its figures: {RefusedException.Kind(closed)}";
    }

    private static string Log(OwnNode node) =>
        node.Said is { Length: > 0 } said ? $"; its log: {string.Join(" | ", said.Split('\n').TakeLast(ToldLines))}" : "";
}
