using System.Diagnostics;
using System.Net;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>Who does a writer's work: the writer itself where it comes alone, else the loop's thread.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class BorrowedTurnSpecs : IAsyncLifetime
{
    private readonly LoopGroup _group =
        LoopGroup.ForClients(IPAddress.Any, new Ngtcp2Options(), new TransportMetrics(), NullLogger.Instance);

    private Endpoint Loop => _group.Loops[0];

    public Task InitializeAsync()
    {
        Assert.True(_group.TryHold());
        _group.Start();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        _group.Release();
        await _group.Stopped.WaitAsync(Pair.Patience);
    }

    [Fact]
    public async Task A_writer_that_comes_alone_does_it_itself() =>
        await Pair.Until(
            () =>
            {
                var work = new Noted();
                Loop.Post(work);
                return work.Thread == Environment.CurrentManagedThreadId;
            },
            () => "the loop's thread did it each time");

    [Fact]
    public async Task Writers_that_follow_one_another_closely_leave_it_to_the_loop()
    {
        var all = Enumerable.Range(0, 2000).Select(_ => new Noted()).ToArray();
        foreach (var work in all) Loop.Post(work);

        await Pair.Until(() => all.All(work => work.Thread != 0), () => $"{all.Count(work => work.Thread == 0)} were not done");
        Assert.InRange(all.Count(work => work.Thread == Environment.CurrentManagedThreadId), 0, all.Length / 2);
    }

    [Fact]
    public async Task What_takes_longer_is_left_to_the_loop()
    {
        for (var i = 0; i < 20; i++)
        {
            await Quiet();
            var work = new Noted(isShort: false);
            Loop.Post(work);
            await Pair.Until(() => work.Thread != 0, () => "it was not done");
            Assert.NotEqual(Environment.CurrentManagedThreadId, work.Thread);
        }
    }

    [Fact]
    public async Task Work_that_is_asked_for_in_the_work_is_done_once_and_not_inside_it()
    {
        var (isInside, wasInside, done) = (false, false, 0);
        for (var i = 0; i < 100; i++)
        {
            await Quiet();
            Loop.Post(new ShortAction(() =>
            {
                isInside = true;
                Loop.Post(new ShortAction(() =>
                {
                    wasInside |= isInside;
                    Interlocked.Increment(ref done);
                }));
                isInside = false;
            }));
        }

        await Pair.Until(() => Volatile.Read(ref done) == 100, () => $"{done} of 100 were done");
        Assert.False(wasInside);
    }

    [Fact]
    public async Task No_work_is_lost_however_many_ask_at_once()
    {
        const int Askers = 8, Each = 20_000;
        var (done, inTurn, overlaps) = (0, 0, 0);
        var work = new ShortAction(() =>
        {
            if (Interlocked.Increment(ref inTurn) != 1) Interlocked.Increment(ref overlaps);
            Interlocked.Increment(ref done);
            Interlocked.Decrement(ref inTurn);
        });
        // All at once, again and again, when the loop is quiet.
        using var together = new Barrier(Askers, _ => SpinWait.SpinUntil(() => Loop.IsQuiet, Pair.Patience));
        var askers = Enumerable.Range(0, Askers).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < Each; i++)
                {
                    if (i % 500 == 0) Assert.True(together.SignalAndWait(Pair.Patience));
                    Loop.Post(work);
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        await Task.WhenAll(askers).WaitAsync(Pair.Patience);

        await Pair.Until(() => Volatile.Read(ref done) == Askers * Each, () => $"{done} of {Askers * Each} were done");
        Assert.Equal(0, overlaps);
    }

    // The thread sleeps up to a second when there is no deadline; so without the alarm each would take that.
    [Fact]
    public async Task A_deadline_that_comes_up_in_it_wakes_the_sleeping_thread()
    {
        var took = new List<TimeSpan>();
        for (var i = 0; i < 9; i++)
        {
            await Quiet();
            var begun = Stopwatch.GetTimestamp();
            var alarm = new Alarm();
            Loop.Post(new ShortAction(() => Loop.Timers.Set(alarm, Endpoint.Now + 5_000_000)));
            await alarm.Rang.WaitAsync(Pair.Patience);
            took.Add(Stopwatch.GetElapsedTime(begun));
        }

        took.Sort();
        Assert.InRange(took[took.Count / 2], TimeSpan.FromMilliseconds(4), TimeSpan.FromMilliseconds(500));
    }

    [Fact]
    public async Task What_throws_in_it_ends_the_loop_as_it_does_on_the_loops_thread()
    {
        Assert.True(_group.TryHold());
        await Quiet();

        Loop.Post(new ShortAction(() => throw new InvalidOperationException("as the spec wants it")));

        await _group.Stopped.WaitAsync(Pair.Patience);
        Assert.Contains("as the spec wants it", _group.Failure!.Message);
        Loop.Post(new ShortAction(() => Assert.Fail("the loop is over")));
    }

    private Task Quiet() => Pair.Until(() => Loop.IsQuiet, () => "somebody asks all the time");

    private sealed class ShortAction(Action action) : ILoopWork
    {
        public bool IsShort => true;

        public void Run() => action();
    }

    private sealed class Noted(bool isShort = true) : ILoopWork
    {
        public bool IsShort => isShort;

        private int _thread;

        public int Thread => Volatile.Read(ref _thread);

        public void Run() => Volatile.Write(ref _thread, Environment.CurrentManagedThreadId);
    }

    private sealed class Alarm : Route
    {
        private readonly TaskCompletionSource _rang = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Rang => _rang.Task;

        public override void OnTimer(ulong now) => _rang.SetResult();
    }
}
