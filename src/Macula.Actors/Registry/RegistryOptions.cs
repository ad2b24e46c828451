using Macula.Actors.Configuration;

namespace Macula.Actors.Registry;

/// <summary>Leases and limits of services. Defaults live in hocon/reference.conf, not here.</summary>
public sealed record RegistryOptions
{
    /// <summary>The longest lease; a provider may ask for a shorter one.</summary>
    public required TimeSpan ServiceTtl { get; init; }

    public required TimeSpan CleanupInterval { get; init; }

    /// <summary>How long it is known what peers answered.</summary>
    public required TimeSpan CacheTtl { get; init; }

    public required int MaxServices { get; init; }

    public required int MaxServicesPerClient { get; init; }

    public required int MaxProvidersPerService { get; init; }

    /// <summary>Keys that peers were asked for.</summary>
    public required int MaxCachedServices { get; init; }

    /// <summary>Bytes.</summary>
    public required int MaxValueSize { get; init; }

    /// <summary>Bytes, all values together.</summary>
    public required long MaxStoredBytes { get; init; }

    /// <summary>Bytes, all values of a client or mesh peer together.</summary>
    public required int MaxStoredBytesPerClient { get; init; }

    /// <summary>Whether leases that lapse in a mass are kept for one more cleanup-interval.</summary>
    public required bool MassExpiryGuard { get; init; }

    /// <summary>Percent of all leases that are a mass.</summary>
    public required int MassExpiryShare { get; init; }

    /// <summary>Fewer leases than these are no mass.</summary>
    public required int MassExpiryMinimum { get; init; }

    public static RegistryOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        return new RegistryOptions
        {
            ServiceTtl = reader.Duration("service-ttl", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            CleanupInterval = reader.Duration(
                "cleanup-interval", TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1)),
            CacheTtl = reader.Duration("cache-ttl", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            MaxServices = reader.Int("max-services", 1, 100_000_000),
            MaxServicesPerClient = reader.Int("max-services-per-client", 1, 10_000_000),
            MaxProvidersPerService = reader.Int("max-providers-per-service", 1, 1_000_000),
            MaxCachedServices = reader.Int("max-cached-services", 1, 100_000_000),
            MaxValueSize = reader.Size("max-value-size", 1, 16 * 1024 * 1024),
            MaxStoredBytes = reader.LongSize("max-stored-bytes", 1024, 1L << 40),
            MaxStoredBytesPerClient = reader.Size("max-stored-bytes-per-client", 1024, 1 << 30),
            MassExpiryGuard = reader.Bool("mass-expiry-guard"),
            MassExpiryShare = reader.Int("mass-expiry-share", 1, 100),
            MassExpiryMinimum = reader.Int("mass-expiry-minimum", 1, 100_000_000),
        };
    }
}
