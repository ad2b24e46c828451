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

    /// <summary>Honest clients with a straight way to the listener.</summary>
    public int Clients { get; init; } = 4;

    /// <summary>Honest clients behind a bad network each.</summary>
    public int UnluckyClients { get; init; } = 4;

    /// <summary>The share of packets on a bad network that meet each kind of misfortune.</summary>
    public double Fault { get; init; } = 0.01;
}

/// <summary>How a run ended.</summary>
/// <param name="Faults">What went wrong; empty when all went well.</param>
/// <param name="Echoed">Bytes that honest clients had echoed.</param>
/// <param name="Hostile">Packets that were thrown at the listener.</param>
/// <param name="Growth">Bytes that the process grew by after its warm-up, at most.</param>
internal sealed record FuzzReport(IReadOnlyCollection<string> Faults, long Echoed, long Hostile, long Growth);
