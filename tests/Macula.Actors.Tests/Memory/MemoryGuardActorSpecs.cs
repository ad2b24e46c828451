using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using static Macula.Actors.Memory.MemoryProtocol;

namespace Macula.Actors.Tests.Memory;

public sealed class MemoryGuardActorSpecs : TestKit
{
    private static readonly TimeSpan Check = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(30);
    private static readonly MemoryOptions Options = new()
    {
        HighMark = 80,
        LowMark = 70,
        Limit = 0,
        CheckInterval = Check,
        StepInterval = 3 * Check,
        RetryAfter = RetryAfter,
    };

    private readonly TestMeters _meters = new();
    private readonly TableCensus _census = new();
    private readonly ScriptedMemory _memory = new() { Live = 50 };
    private readonly OutboundLimits _outbound = new(100, 4000, SlowConsumerPolicy.DropOldest);
    private readonly GatewayMetrics _metrics;
    private readonly TestProbe _one;
    private readonly TestProbe _two;
    private readonly IActorRef _guard;

    public MemoryGuardActorSpecs(ITestOutputHelper log)
        : base(ConfigurationFactory.ParseString("akka.loglevel = INFO").WithFallback(TestConfig.Strict), output: log)
    {
        _metrics = new GatewayMetrics(_meters, _census);
        (_one, _two) = (CreateTestProbe(), CreateTestProbe());
        _guard = Sys.ActorOf(
            MemoryGuardActor.Props(Options, _memory, _outbound, [_one, _two], _census, _metrics), "memory");
    }

    [Fact]
    public async Task Above_the_high_mark_one_more_is_given_up_per_step_interval_in_order()
    {
        await Sample(81, collects: true);
        Assert.Equal(MemoryLevel.RefuseClients, await Told());
        foreach (var next in (MemoryLevel[])
            [MemoryLevel.CloseIdlePeers, MemoryLevel.DropCaches, MemoryLevel.ShrinkQueues])
        {
            await Sample(99);
            await Sample(99);
            Assert.False(_one.HasMessages);
            await Sample(99, collects: true);
            Assert.Equal(next, await Told());
        }

        foreach (var level in (string[])["refuse_clients", "close_idle_peers", "drop_caches", "shrink_queues"])
            Assert.Equal(1, _meters.Total("macula.memory.steps", level));
    }

    [Fact]
    public async Task There_is_nothing_after_the_last_step()
    {
        await Climb(MemoryLevel.ShrinkQueues);
        for (var i = 0; i < 10; i++) await Sample(100);

        Assert.False(_one.HasMessages);
        Assert.Equal(4, _meters.Total("macula.memory.steps"));
        Assert.Equal(4, _memory.Collections);
    }

    [Theory]
    [InlineData(70)]
    [InlineData(75)]
    [InlineData(80)]
    public async Task On_and_between_the_marks_nothing_changes_whatever_the_level(long live)
    {
        for (var i = 0; i < 5; i++) await Sample(live);
        Assert.Equal(MemoryLevel.Normal, _metrics.Memory.Level);

        await Climb(MemoryLevel.CloseIdlePeers);
        for (var i = 0; i < 10; i++) await Sample(live);
        Assert.False(_one.HasMessages);
        Assert.Equal(MemoryLevel.CloseIdlePeers, _metrics.Memory.Level);
        Assert.Equal(2, _memory.Collections);
    }

    [Theory]
    [InlineData(MemoryLevel.RefuseClients)]
    [InlineData(MemoryLevel.CloseIdlePeers)]
    [InlineData(MemoryLevel.DropCaches)]
    [InlineData(MemoryLevel.ShrinkQueues)]
    public async Task Below_the_low_mark_everything_is_given_back_at_once_and_told_once(MemoryLevel level)
    {
        await Climb(level);
        Assert.Equal(level == MemoryLevel.ShrinkQueues, _outbound.IsShrunk);
        await Sample(69);

        Assert.Equal(MemoryLevel.Normal, await Told());
        Assert.False(_outbound.IsShrunk);
        Assert.Equal(1, _meters.Total("macula.memory.steps", "normal"));
        await Sample(69);
        await Sample(10);
        Assert.False(_one.HasMessages);
    }

    [Fact]
    public async Task What_comes_right_after_giving_back_waits_a_step_interval_too()
    {
        await Climb(MemoryLevel.RefuseClients);
        await Sample(69);
        await Told();

        await Sample(90);
        await Sample(90);
        Assert.False(_one.HasMessages);
        await Sample(90, collects: true);
        Assert.Equal(MemoryLevel.RefuseClients, await Told());
    }

    [Fact]
    public async Task Garbage_is_no_reason_and_is_collected_at_most_once_per_step_interval()
    {
        _memory.AfterCollection = 60;
        await Sample(90, collects: true);
        await Sample(90);
        await Sample(90);
        await Sample(90, collects: true);

        Assert.Equal(2, _memory.Collections);
        Assert.False(_one.HasMessages);
        Assert.Equal(60, _metrics.Memory.Live);
    }

    [Fact]
    public async Task While_a_collection_runs_nothing_is_weighed()
    {
        var gate = new TaskCompletionSource();
        await this.Handled(_guard);
        _memory.Gate = gate.Task;
        _memory.Live = 90;
        var reads = _memory.Reads;
        for (var i = 0; i < 5; i++)
        {
            this.Advance(Check);
            await this.Handled(_guard);
        }

        Assert.Equal(reads + 1, _memory.Reads);
        gate.SetResult();
        Assert.Equal(MemoryLevel.RefuseClients, await Told());
    }

    [Fact]
    public async Task A_collection_that_fails_does_not_stop_the_guard()
    {
        _memory.CollectFault = new InvalidOperationException("no collection");
        await Sample(90, collects: true);

        Assert.Equal(MemoryLevel.RefuseClients, await Told());
    }

    [Fact]
    public async Task What_was_given_up_is_collected_beside_the_node_so_that_it_is_noticed()
    {
        await Climb(MemoryLevel.DropCaches);
        _memory.AfterCollection = 50;
        await Sample(75);
        await Sample(75);
        Assert.Equal(0, _memory.Refreshes);
        await Sample(75);
        await this.Eventually(() => _memory.Refreshes == 1);
        await Sample(_memory.Live);

        Assert.Equal(MemoryLevel.Normal, await Told());
    }

    [Fact]
    public async Task Each_step_has_one_line_with_figures_and_the_fullest_tables()
    {
        _census.Add("a", 10).Set(1);
        _census.Add("b", 10).Set(9);
        _census.Add("c", 1000).Set(800);
        _census.Add("d", 10).Set(2);
        await EventFilter.Warning(
            "Memory is short, refuse_clients: 0 MiB live are 81 % of what may be (0 MiB), above 80 %. "
            + "Fullest tables: b 9 of 10, c 800 of 1000, d 2 of 10").ExpectOneAsync(() => Sample(81, collects: true));
        await EventFilter.Warning(contains: "Memory is short, close_idle_peers").ExpectOneAsync(async () =>
        {
            for (var i = 0; i < 2; i++) await Sample(90);
            await Sample(90, collects: true);
            for (var i = 0; i < 2; i++) await Sample(90);
        });
        await EventFilter.Info(
            "Memory is back, close_idle_peers and all before it has ended: 0 MiB live are 69 % of what may be (0 MiB), "
            + "below 70 %").ExpectOneAsync(async () =>
            {
                await Sample(69);
                await Sample(69);
            });
    }

    [Fact]
    public async Task Whoever_asks_is_told_the_level()
    {
        await Climb(MemoryLevel.CloseIdlePeers);
        var restarted = CreateTestProbe();
        _guard.Tell(GetLevel.Instance, restarted);

        Assert.Equal(
            new LevelChanged(MemoryLevel.CloseIdlePeers) { RetryAfter = RetryAfter },
            await restarted.ExpectMsgAsync<LevelChanged>(SpecExtensions.Deadline));
    }

    [Fact]
    public async Task A_restart_keeps_the_level_tells_it_again_and_takes_no_step_early()
    {
        await Climb(MemoryLevel.ShrinkQueues);
        _outbound.IsShrunk = false; // as if it had failed before it came to that
        _memory.Fault = new InvalidOperationException("on purpose");
        await EventFilter.Exception<InvalidOperationException>("on purpose").ExpectOneAsync(() =>
        {
            this.Advance(Check);
            return Task.CompletedTask;
        });

        Assert.Equal(MemoryLevel.ShrinkQueues, await Told());
        Assert.True(_outbound.IsShrunk);
        Assert.Equal(4, _meters.Total("macula.memory.steps"));
        await Sample(69);
        Assert.Equal(MemoryLevel.Normal, await Told());
    }

    [Fact]
    public async Task A_restart_in_the_middle_goes_on_with_the_next_step()
    {
        await Climb(MemoryLevel.RefuseClients);
        _memory.Fault = new InvalidOperationException("on purpose");
        await EventFilter.Exception<InvalidOperationException>("on purpose").ExpectOneAsync(() =>
        {
            this.Advance(Check);
            return Task.CompletedTask;
        });
        Assert.Equal(MemoryLevel.RefuseClients, await Told());

        await Sample(90);
        await Sample(90);
        Assert.False(_one.HasMessages);
        await Sample(90, collects: true);
        Assert.Equal(MemoryLevel.CloseIdlePeers, await Told());
    }

    [Fact]
    public async Task The_gauges_show_what_was_read_last()
    {
        await this.Handled(_guard);
        Assert.Equal((50, 100, MemoryLevel.Normal), Gauges()); // from the start

        await Sample(81, collects: true);
        Assert.Equal((81, 100, MemoryLevel.RefuseClients), Gauges());
        Assert.Equal((81, 100, 1), (
            _meters.Observed("macula.memory.live"), _meters.Observed("macula.memory.limit"),
            _meters.Observed("macula.memory.level")));

        (long, long, MemoryLevel) Gauges() =>
            (_metrics.Memory.Live, _metrics.Memory.Limit, _metrics.Memory.Level);
    }

    // One interval passes and what is then held is weighed, twice when there is a collection between.
    private async Task Sample(long live, bool collects = false)
    {
        await this.Handled(_guard);
        var (reads, collections) = (_memory.Reads, _memory.Collections);
        _memory.Live = live;
        this.Advance(Check);
        await this.Handled(_guard);
        if (collects) await this.Eventually(() => _memory.Reads == reads + 2);
        await this.Handled(_guard);
        Assert.Equal((reads + (collects ? 2 : 1), collections + (collects ? 1 : 0)), (_memory.Reads, _memory.Collections));
    }

    // From Normal, with no step and no collection in the last step interval.
    private async Task Climb(MemoryLevel to)
    {
        for (var level = MemoryLevel.RefuseClients; level <= to; level++)
        {
            for (var i = 1; level > MemoryLevel.RefuseClients && i < Options.StepInterval / Check; i++) await Sample(90);
            await Sample(90, collects: true);
            Assert.Equal(level, await Told());
        }
    }

    // Both concerns are told the same, and with it what refused clients are to wait.
    private async Task<MemoryLevel> Told()
    {
        var told = await _one.ExpectMsgAsync<LevelChanged>(SpecExtensions.Deadline);
        Assert.Equal(told, await _two.ExpectMsgAsync<LevelChanged>(SpecExtensions.Deadline));
        Assert.Equal(RetryAfter, told.RetryAfter);
        return told.Level;
    }
}
