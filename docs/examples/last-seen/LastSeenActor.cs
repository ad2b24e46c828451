using System.Text.Json;
using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Rpc;

namespace Macula.Examples;

/// <summary>Remembers which devices have been heard of lately: <c>presence.seen</c> with the name of a device as a JSON
/// text, <c>presence.count</c> for how many there are.</summary>
/// <remarks>Between any two messages: a device is in <see cref="_devices"/> exactly as long as its deadline is set, and
/// there are at most maxDevices. <see cref="OnSilent"/> is the only way out.</remarks>
public sealed class LastSeenActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, DeadlineWheel<string>.Deadline> _devices = [];
    private readonly DeadlineWheel<string> _deadlines = new(TickInterval, Now);
    private readonly BoundedTable _table;
    private readonly TimeSpan _silence;

    /// <param name="rpc">The node's RpcActor, or a probe in a spec.</param>
    /// <param name="tables">The node's tables: what is entered here is in the metrics and the diagnostics.</param>
    /// <param name="maxDevices">At least 1; beyond it new devices are refused with <c>overloaded</c>.</param>
    /// <param name="silence">A device that was not heard of for so long is forgotten.</param>
    public static Props Props(IActorRef rpc, TableCensus tables, int maxDevices, TimeSpan silence) =>
        Akka.Actor.Props.Create(() => new LastSeenActor(rpc, tables, maxDevices, silence));

    public LastSeenActor(IActorRef rpc, TableCensus tables, int maxDevices, TimeSpan silence)
    {
        _silence = silence;
        _table = tables.Add("example.devices", maxDevices);
        rpc.Tell(new RpcProtocol.Register("presence.seen", Self));
        rpc.Tell(new RpcProtocol.Register("presence.count", Self));

        Receive<RpcProtocol.Registered>(_ => { });
        Receive<RpcProtocol.RegisterRefused>(msg => throw new InvalidOperationException(msg.Message));
        Receive<RpcProtocol.Invoke>(msg => msg.Procedure == "presence.count", OnCount);
        Receive<RpcProtocol.Invoke>(OnSeen);
        Receive<Tick>(_ => _deadlines.Expire(Now, OnSilent));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    // The scheduler's time, so that a spec can let it pass.
    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Silence, Tick.Silence, TickInterval);

    private void OnCount(RpcProtocol.Invoke msg) =>
        Sender.Tell(msg.Succeed(JsonSerializer.SerializeToUtf8Bytes(_devices.Count)));

    private void OnSeen(RpcProtocol.Invoke msg)
    {
        if (!TryRead(msg.Args, out var device))
        {
            Sender.Tell(msg.Fail("invalid_request", "The arguments must be the device's name, a JSON text."));
            return;
        }

        if (_devices.TryGetValue(device, out var known)) _deadlines.Lift(known);
        else if (_devices.Count == _table.Limit)
        {
            _table.Reject();
            Sender.Tell(msg.Fail("overloaded", $"There are {_table.Limit} devices already, the most that are kept."));
            return;
        }

        _devices[device] = _deadlines.Set(device, Now + _silence);
        _table.Set(_devices.Count);
        Sender.Tell(msg.Succeed("true"u8.ToArray()));
    }

    private void OnSilent(string device)
    {
        _devices.Remove(device);
        _table.Set(_devices.Count);
        _table.Expired();
    }

    private static bool TryRead(ReadOnlyMemory<byte> json, out string device)
    {
        device = "";
        try
        {
            device = JsonSerializer.Deserialize<string>(json.Span) ?? "";
        }
        catch (JsonException)
        {
            // Peers send anything; the caller is told.
        }

        return device.Length is > 0 and <= 64;
    }

    private enum Tick
    {
        Silence,
    }
}
