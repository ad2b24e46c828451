using Macula.Actors.Configuration;

namespace Macula.Actors.Clients;

/// <summary>Limits of the client table. Defaults live in hocon/reference.conf, not here.</summary>
public sealed record ClientManagerOptions
{
    public required int MaxClients { get; init; }

    /// <summary>What a refused client is told to wait.</summary>
    public required TimeSpan RetryAfter { get; init; }

    public static ClientManagerOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        return new ClientManagerOptions
        {
            MaxClients = reader.Int("max-clients", 1, 10_000_000),
            RetryAfter = reader.Duration("retry-after", TimeSpan.Zero, TimeSpan.FromHours(1)),
        };
    }
}
