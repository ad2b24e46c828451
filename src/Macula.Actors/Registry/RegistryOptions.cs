using Macula.Actors.Configuration;

namespace Macula.Actors.Registry;

/// <summary>Leases and limits of services. Defaults live in hocon/reference.conf, not here.</summary>
public sealed record RegistryOptions
{
    /// <summary>The longest lease; a provider may ask for a shorter one.</summary>
    public required TimeSpan ServiceTtl { get; init; }

    public required TimeSpan CleanupInterval { get; init; }

    public required int MaxServices { get; init; }

    public required int MaxServicesPerClient { get; init; }

    public required int MaxProvidersPerService { get; init; }

    /// <summary>Bytes.</summary>
    public required int MaxValueSize { get; init; }

    public static RegistryOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        return new RegistryOptions
        {
            ServiceTtl = reader.Duration("service-ttl", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            CleanupInterval = reader.Duration(
                "cleanup-interval", TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1)),
            MaxServices = reader.Int("max-services", 1, 100_000_000),
            MaxServicesPerClient = reader.Int("max-services-per-client", 1, 10_000_000),
            MaxProvidersPerService = reader.Int("max-providers-per-service", 1, 1_000_000),
            MaxValueSize = reader.Size("max-value-size", 1, 16 * 1024 * 1024),
        };
    }
}
