using Macula.Actors.Load.Scenarios;

namespace Macula.Actors.Load.Neighbours;

/// <summary>What was measured, of which server.</summary>
internal sealed class NeighbourResults
{
    private readonly Dictionary<(string Measure, string Server), List<double>> _values = [];
    private readonly List<(string Measure, string Unit)> _measures = [];

    public void Add(string measure, string server, double value, string unit)
    {
        if (!_measures.Contains((measure, unit))) _measures.Add((measure, unit));
        if (!_values.TryGetValue((measure, server), out var values)) _values[(measure, server)] = values = [];
        values.Add(value);
    }

    /// <summary>The median of the runs; null when it was not measured.</summary>
    public double? Median(string measure, string server)
    {
        if (!_values.TryGetValue((measure, server), out var values)) return null;
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Tells the medians, and how ours stands to each of the others.</summary>
    public void Tell(ScenarioRun run, IReadOnlyList<string> servers)
    {
        foreach (var (measure, unit) in _measures)
        {
            var own = Median(measure, MaculaNeighbour.KindName);
            foreach (var server in servers)
                if (Median(measure, server) is { } value) run.Figure($"{measure}: {server}", value, unit);
            foreach (var server in servers)
                if (server != MaculaNeighbour.KindName && own is { } ours && Median(measure, server) is > 0 and var other)
                    run.Figure($"{measure}: {MaculaNeighbour.KindName} to {server}", ours / other, "times");
        }
    }
}
