using Macula.Actors.Configuration;

namespace Macula.Actors.Clients;

/// <summary>Limits of the client table. Defaults live in hocon/reference.conf, not here.</summary>
public sealed record ClientManagerOptions
{
    public required int MaxClients { get; init; }

    /// <summary>What a refused client is told to wait, at least.</summary>
    public required TimeSpan RetryAfter { get; init; }

    /// <summary>Up to this much is added to <see cref="RetryAfter"/>, at random.</summary>
    public required TimeSpan RetrySpread { get; init; }

    /// <summary>Clients that are told to go per <see cref="DrainInterval"/>, while draining.</summary>
    public required int DrainBatch { get; init; }

    public required TimeSpan DrainInterval { get; init; }

    /// <summary>Clients in one answer to <see cref="ClientProtocol.List"/>, at most.</summary>
    public required int MaxListPage { get; init; }

    public static ClientManagerOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        return new ClientManagerOptions
        {
            MaxClients = reader.Int("max-clients", 1, 10_000_000),
            RetryAfter = reader.Duration("retry-after", TimeSpan.Zero, TimeSpan.FromHours(1)),
            RetrySpread = reader.Duration("retry-spread", TimeSpan.Zero, TimeSpan.FromHours(1)),
            DrainBatch = reader.Int("drain-batch", 1, 10_000_000),
            DrainInterval = reader.Duration("drain-interval", TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1)),
            MaxListPage = reader.Int("max-list-page", 1, 100_000),
        };
    }
}
