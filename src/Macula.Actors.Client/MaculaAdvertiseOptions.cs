namespace Macula.Actors.Client;

/// <summary>How a procedure is offered.</summary>
public sealed record MaculaAdvertiseOptions
{
    private const int MaxMetadata = 64;

    /// <summary>How long the gateway keeps the offer without a renewal, whole seconds, 1 s to
    /// 1 day. A gateway keeps it no longer than its own <c>macula.registry.service-ttl</c>, so it is
    /// renewed after about half of this, and after half of 300 s, that one's default, if this is
    /// longer. For a gateway with less than 300 s give no more than it has. Default 300 s.</summary>
    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>Calls that may run at once; more are answered <c>overloaded</c>. Default 64.
    /// </summary>
    public int MaxConcurrency { get; init; } = 64;

    /// <summary>Shown to those who look the service up; up to 64 entries. Default: nothing.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } =
        new Dictionary<string, string>();

    internal MaculaAdvertiseOptions Checked()
    {
        List<string> faults = [];
        if (Ttl < TimeSpan.FromSeconds(1) || Ttl > TimeSpan.FromDays(1))
            faults.Add($"{nameof(Ttl)} is {Ttl}; allowed from 1 s to 1 day");
        if (MaxConcurrency < 1)
            faults.Add($"{nameof(MaxConcurrency)} is {MaxConcurrency}; allowed from 1");
        if (Metadata.Count > MaxMetadata)
            faults.Add($"{nameof(Metadata)} has {Metadata.Count} entries; allowed up to {MaxMetadata}");

        return faults is [] ? this : throw new ArgumentException(string.Join("; ", faults));
    }
}
