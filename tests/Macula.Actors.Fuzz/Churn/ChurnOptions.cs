namespace Macula.Actors.Fuzz.Churn;

/// <summary>What a run does.</summary>
internal sealed record ChurnOptions
{
    public const int Least = 20; // one for each mark
    public const int Most = 1_000_000_000;

    /// <summary>Connections that are made, say a little and are closed; <see cref="Least"/> to <see cref="Most"/>.</summary>
    public int Handshakes { get; init; } = 100_000;

    /// <summary>Streams that are opened, say a little and are closed; <see cref="Least"/> to <see cref="Most"/>.</summary>
    public int Streams { get; init; } = 1_000_000;

    /// <summary>Native bytes that the server loses at each mark, to see that it is noticed. Default none.</summary>
    public int Leak { get; init; }
}

/// <summary>How a run ended.</summary>
/// <param name="Faults">What went wrong; empty when all went well.</param>
/// <param name="Echoes">Connections and streams that had all they said echoed.</param>
/// <param name="Last">What the server held at the end.</param>
internal sealed record ChurnReport(IReadOnlyCollection<string> Faults, int Echoes, Holdings? Last);
