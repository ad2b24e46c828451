using System.Globalization;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using static Macula.Actors.Memory.MemoryProtocol;

namespace Macula.Actors.Memory;

/// <summary>Gives things up, one after the other, while live memory is above the high mark, and all of them back when it
/// is below the low mark.</summary>
/// <remarks>Between the marks nothing changes. Before each step there is a collection, since memory that is only garbage is
/// no reason to refuse anybody; there is at most one in a step interval. The level is kept in the gauge, so that a
/// restart neither gives back nor takes anything.</remarks>
public sealed class MemoryGuardActor : ReceiveActor, IWithTimers
{
    private const MemoryLevel Highest = MemoryLevel.ShrinkQueues;
    private const int TablesTold = 3;

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly MemoryOptions _options;
    private readonly IMemorySource _source;
    private readonly OutboundLimits _outbound;
    private readonly IReadOnlyList<IActorRef> _concerns;
    private readonly TableCensus _census;
    private readonly GatewayMetrics _metrics;
    private readonly MemoryGauge _gauge;
    private TimeSpan? _last; // step or collection
    private bool _isCollecting;

    public static Props Props(
        MemoryOptions options, IMemorySource source, OutboundLimits outbound, IReadOnlyList<IActorRef> concerns,
        TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new MemoryGuardActor(options, source, outbound, concerns, census, metrics));

    /// <param name="outbound">Of all connections of the node.</param>
    /// <param name="concerns">Who is told of each change: all that give something up, the listeners included.</param>
    public MemoryGuardActor(
        MemoryOptions options, IMemorySource source, OutboundLimits outbound, IReadOnlyList<IActorRef> concerns,
        TableCensus census, GatewayMetrics metrics)
    {
        (_options, _source, _outbound, _concerns) = (options, source, outbound, concerns);
        (_census, _metrics, _gauge) = (census, metrics, metrics.Memory);

        Receive<Tick>(_ => OnTick());
        Receive<Collected>(_ => OnCollected());
        Receive<GetLevel>(_ => Sender.Tell(Current()));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private static TimeSpan Now => Context.System.Scheduler.Elapsed();

    protected override void PreStart()
    {
        _gauge.Set(_source.Read());
        Timers.StartPeriodicTimer(Tick.Check, Tick.Check, _options.CheckInterval);
    }

    protected override void PostRestart(Exception reason)
    {
        base.PostRestart(reason);
        _last = Now; // no step comes early
        TellAll();
    }

    private void OnTick()
    {
        if (!_isCollecting) Weigh(isFresh: false);
    }

    // One that the predecessor asked for is as good: what this actor waits for is a heap without garbage.
    private void OnCollected()
    {
        if (!_isCollecting) return;
        _isCollecting = false;
        Weigh(isFresh: true);
    }

    /// <param name="isFresh">Whether a collection has just been made.</param>
    private void Weigh(bool isFresh)
    {
        var reading = _source.Read();
        _gauge.Set(reading);
        if (!reading.IsAbove(_options.HighMark))
        {
            if (_gauge.Level == MemoryLevel.Normal) return;
            if (reading.IsBelow(_options.LowMark)) GiveBack(reading);
            else Refresh();
        }
        else if (_gauge.Level == Highest)
        {
            Refresh();
        }
        else if (isFresh)
        {
            StepUp(reading);
        }
        else if (IsDue())
        {
            _isCollecting = true;
            Collect(waits: true);
        }
    }

    // What was given up is garbage by now, and a node that does little else would not notice for long.
    private void Refresh()
    {
        if (IsDue()) Collect(waits: false);
    }

    private bool IsDue() => _last is not { } last || Now - last >= _options.StepInterval;

    private void Collect(bool waits)
    {
        _last = Now;
        Task.Run(() => _source.Collect(waits))
            .PipeTo(Self, success: () => Collected.Instance, failure: _ => Collected.Instance);
    }

    private void StepUp(in MemoryReading reading)
    {
        Change(_gauge.Level + 1);
        _log.Warning(
            "Memory is short, {Step}: {Live} MiB live are {Percent} % of what may be ({Limit} MiB), above {HighMark} %. "
            + "Fullest tables: {Tables}",
            Word(_gauge.Level), MiB(reading.Live), reading.Percent, MiB(reading.Limit), _options.HighMark, Fullest());
    }

    private void GiveBack(in MemoryReading reading)
    {
        var level = _gauge.Level;
        Change(MemoryLevel.Normal);
        _log.Info(
            "Memory is back, {Step} and all before it has ended: {Live} MiB live are {Percent} % of what may be "
            + "({Limit} MiB), below {LowMark} %",
            Word(level), MiB(reading.Live), reading.Percent, MiB(reading.Limit), _options.LowMark);
    }

    private void Change(MemoryLevel level)
    {
        _last = Now;
        _gauge.Set(level);
        _metrics.MemoryStep(Word(level));
        TellAll();
    }

    private void TellAll()
    {
        _outbound.IsShrunk = _gauge.Level >= MemoryLevel.ShrinkQueues; // first: whoever hears of it finds it so
        var current = Current();
        foreach (var concern in _concerns) concern.Tell(current);
    }

    private LevelChanged Current() => new(_gauge.Level) { RetryAfter = _options.RetryAfter };

    private string Fullest() => string.Join(", ", _census.Tables
        .Where(table => table.Limit > 0)
        .OrderByDescending(table => (double)table.Size / table.Limit)
        .Take(TablesTold)
        .Select(table => string.Create(
            CultureInfo.InvariantCulture, $"{table.Name} {table.Size} of {table.Limit}")));

    private static long MiB(long bytes) => bytes >> 20;

    private static string Word(MemoryLevel level) => level switch
    {
        MemoryLevel.RefuseClients => "refuse_clients",
        MemoryLevel.CloseIdlePeers => "close_idle_peers",
        MemoryLevel.DropCaches => "drop_caches",
        MemoryLevel.ShrinkQueues => "shrink_queues",
        _ => "normal",
    };

    private sealed record Collected : ILocal
    {
        public static readonly Collected Instance = new();
    }

    private enum Tick
    {
        Check,
    }
}
