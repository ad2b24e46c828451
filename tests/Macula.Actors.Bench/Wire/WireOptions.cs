namespace Macula.Actors.Bench.Wire;

/// <summary>What the command line says.</summary>
internal sealed record WireOptions
{
    /// <summary><c>ngtcp2</c> or <c>system</c>: a node process. <c>memory</c>: the actors in this process.</summary>
    public required string Provider { get; init; }

    /// <summary>Whether the node runs in this process with any provider.</summary>
    public required bool InProcess { get; init; }

    /// <summary>How long each scenario is measured; the default 5 s.</summary>
    public required TimeSpan Time { get; init; }

    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often everything is run; the medians are told.</summary>
    public required int Runs { get; init; }

    /// <summary>Connections of the scenarios with many.</summary>
    public required int Subscribers { get; init; }

    /// <summary>Bytes of a payload or of arguments.</summary>
    public required int Size { get; init; }

    /// <summary>Only scenarios whose name contains this.</summary>
    public required string Filter { get; init; }

    /// <summary>Where to write all figures of all runs.</summary>
    public required FileInfo? Json { get; init; }
}
