using Macula.Actors.Configuration;

namespace Macula.Actors.Mesh;

/// <summary>Limits of the mesh pool; the table <c>macula.mesh</c> of hocon/reference.conf says what each costs.</summary>
public sealed record MeshOptions
{
    /// <summary>Connections at once, those included that are on their way out.</summary>
    public required int MaxConnections { get; init; }

    public required int MaxDials { get; init; }

    public required TimeSpan ConnectTimeout { get; init; }

    /// <summary>For all that an OpenStream or a Send may take; an Exchange brings its own.</summary>
    public required TimeSpan RequestTimeout { get; init; }

    public required TimeSpan IdleTimeout { get; init; }

    public required int MaxWaiters { get; init; }

    public required int MaxWaitersPerPeer { get; init; }

    public required int MaxStreams { get; init; }

    public required int MaxStreamsPerPeer { get; init; }

    public required int MaxExchanges { get; init; }

    public required int MaxExchangesPerPeer { get; init; }

    public required int MaxRequesters { get; init; }

    /// <summary>How long a connection to an old address may serve the streams that are open on it.</summary>
    public required TimeSpan RetireGrace { get; init; }

    public static MeshOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var options = new MeshOptions
        {
            MaxConnections = reader.Int("max-connections", 1, 1_000_000),
            MaxDials = reader.Int("max-dials", 1, 100_000),
            ConnectTimeout = reader.Duration(
                "connect-timeout", TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(5)),
            RequestTimeout = reader.Duration(
                "request-timeout", TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(10)),
            IdleTimeout = reader.Duration("idle-timeout", TimeSpan.FromSeconds(1), TimeSpan.FromDays(7)),
            MaxWaiters = reader.Int("max-waiters", 1, 10_000_000),
            MaxWaitersPerPeer = reader.Int("max-waiters-per-peer", 1, 1_000_000),
            MaxStreams = reader.Int("max-streams", 1, 10_000_000),
            MaxStreamsPerPeer = reader.Int("max-streams-per-peer", 1, ushort.MaxValue),
            MaxExchanges = reader.Int("max-exchanges", 1, 10_000_000),
            MaxExchangesPerPeer = reader.Int("max-exchanges-per-peer", 1, 1_000_000),
            MaxRequesters = reader.Int("max-requesters", 1, 10_000_000),
            RetireGrace = reader.Duration("retire-grace", TimeSpan.Zero, TimeSpan.FromHours(1)),
        };
        if (options.RequestTimeout < options.ConnectTimeout)
        {
            reader.Fault(
                "request-timeout", options.RequestTimeout.ToString(),
                $"at least connect-timeout {options.ConnectTimeout}");
        }

        return options;
    }
}
