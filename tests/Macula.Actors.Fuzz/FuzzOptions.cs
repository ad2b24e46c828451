namespace Macula.Actors.Fuzz;

/// <summary>What a run does.</summary>
internal sealed record FuzzOptions
{
    public required TimeSpan Time { get; init; }

    /// <summary>Of what is random; the order of events is the network's and the scheduler's.</summary>
    public int Seed { get; init; }

    /// <summary>Bytes that the process may grow by after its warm-up.</summary>
    public long Growth { get; init; } = 256L << 20;

    /// <summary>Hostile packets a second, from 1; fewer only when the machine is too slow for them.</summary>
    public int Rate { get; init; } = 2000;

    /// <summary>Loops of the listener.</summary>
    public int Loops { get; init; } = 1;
}

/// <summary>How a run ended.</summary>
/// <param name="Faults">What went wrong; empty when all went well.</param>
/// <param name="Echoed">Bytes that honest clients had echoed.</param>
/// <param name="Hostile">Packets that were thrown at the listener.</param>
/// <param name="Growth">Bytes that the process grew by after its warm-up, at most.</param>
internal sealed record FuzzReport(IReadOnlyCollection<string> Faults, long Echoed, long Hostile, long Growth);
