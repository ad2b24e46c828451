using Macula.Actors.Configuration;

namespace Macula.Actors.Rpc;

/// <summary>Which provider of several gets a call.</summary>
public enum SelectionStrategy
{
    /// <summary>Each in turn.</summary>
    RoundRobin,

    Random,

    /// <summary>Always the one that advertised first.</summary>
    First,

    /// <summary>The one with the fewest calls of this node running; of several each in turn.</summary>
    LeastPending,
}

/// <summary>Deadlines and limits of calls. Defaults live in hocon/reference.conf, not here.</summary>
public sealed record RpcOptions
{
    /// <summary>The deadline of a call that brings none.</summary>
    public required TimeSpan CallTimeout { get; init; }

    /// <summary>The longest deadline that a caller may ask for.</summary>
    public required TimeSpan MaxCallTimeout { get; init; }

    public required int MaxPendingCalls { get; init; }

    public required int MaxPendingCallsPerClient { get; init; }

    /// <summary>Bytes of the arguments of all pending calls, with what is around them.</summary>
    public required int MaxPendingBytes { get; init; }

    /// <summary>The same of one caller.</summary>
    public required int MaxPendingBytesPerClient { get; init; }

    /// <summary>Procedures whose providers are looked for at once.</summary>
    public required int MaxPendingLookups { get; init; }

    /// <summary>How long other nodes are asked who provides a procedure.</summary>
    public required TimeSpan LookupTimeout { get; init; }

    /// <summary>Providers that a call is tried at before it fails.</summary>
    public required int MaxAttempts { get; init; }

    /// <summary>Procedures of actors of this node.</summary>
    public required int MaxHandlers { get; init; }

    /// <summary>Calls that one handler, an actor of this node, may have to do at once.</summary>
    public required int MaxCallsPerHandler { get; init; }

    /// <summary>Bytes of a procedure's name.</summary>
    public required int MaxProcedureLength { get; init; }

    public required int MaxHops { get; init; }

    public required SelectionStrategy Strategy { get; init; }

    public static RpcOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var options = new RpcOptions
        {
            CallTimeout = reader.Duration("call-timeout", TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1)),
            MaxCallTimeout = reader.Duration("max-call-timeout", TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1)),
            MaxPendingCalls = reader.Int("max-pending-calls", 1, 100_000_000),
            MaxPendingCallsPerClient = reader.Int("max-pending-calls-per-client", 1, 10_000_000),
            MaxPendingBytes = reader.Size("max-pending-bytes", 64 * 1024, 1024 * 1024 * 1024),
            MaxPendingBytesPerClient = reader.Size("max-pending-bytes-per-client", 64 * 1024, 1024 * 1024 * 1024),
            MaxPendingLookups = reader.Int("max-pending-lookups", 1, 10_000_000),
            LookupTimeout = reader.Duration("lookup-timeout", TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(5)),
            MaxAttempts = reader.Int("max-attempts", 1, 16),
            MaxHandlers = reader.Int("max-handlers", 1, 1_000_000),
            MaxCallsPerHandler = reader.Int("max-calls-per-handler", 1, 1_000_000),
            MaxProcedureLength = reader.Size("max-procedure-length", 1, 64 * 1024),
            MaxHops = reader.Int("max-hops", 1, 255),
            Strategy = reader.Enum<SelectionStrategy>("strategy"),
        };
        if (options.CallTimeout > options.MaxCallTimeout)
        {
            reader.Fault(
                "call-timeout", options.CallTimeout.ToString(), $"at most max-call-timeout {options.MaxCallTimeout}");
        }

        return options;
    }
}
