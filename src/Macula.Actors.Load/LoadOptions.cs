using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load;

/// <summary>What to run, how large, and against what.</summary>
public sealed record LoadOptions
{
    /// <summary>Names of <see cref="LoadScenarios.All"/>, in the order in which they are run.</summary>
    public required IReadOnlyList<string> Scenarios { get; init; }

    /// <summary>The smallest <see cref="Scale"/>.</summary>
    public const double LeastScale = 0.0001;

    /// <summary>What all sizes are multiplied by, from <see cref="LeastScale"/> to 1. Default 1: the full size, for which the
    /// settings of the nodes are made.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>How long each measured phase takes, from 100 ms. Default: each scenario's own.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>How often each measure of <c>peers</c> is taken, from 1 to 100; the median is told. Default 3.</summary>
    public int Runs { get; init; } = 3;

    /// <summary>Decides ids, order, choice and payloads: the same seed is the same run. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>The node to load; null starts one for each scenario.</summary>
    public LoadTarget? Target { get; init; }

    /// <summary>The node's program, for nodes that are started. Null: looked for beside this one.</summary>
    public string? NodeDll { get; init; }

    /// <summary>Further settings of nodes that are started, each <c>key=value</c>; they win over those of the scenarios.
    /// </summary>
    public IReadOnlyList<string> NodeSettings { get; init; } = [];

    /// <summary>Program and arguments that run <see cref="Workers.LoadWorker"/>; scenarios kill such processes.</summary>
    public required IReadOnlyList<string> Worker { get; init; }

    /// <summary>Which QUIC node and clients use: auto, ngtcp2 or system.</summary>
    public string Quic { get; init; } = "auto";
}
