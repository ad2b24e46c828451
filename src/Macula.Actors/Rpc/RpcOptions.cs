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
