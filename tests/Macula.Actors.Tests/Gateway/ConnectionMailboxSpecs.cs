using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Gateway;

namespace Macula.Actors.Tests.Gateway;

public sealed class ConnectionMailboxSpecs : TestKit
{
    private readonly ConnectionMailbox.MessageQueue _queue = new();

    [Fact]
    public void It_gives_back_in_order_what_it_took_however_it_has_grown_and_turned()
    {
        var (put, taken) = (0, 0);
        for (var round = 1; round < 200; round++)
        {
            for (var i = 0; i < round; i++) _queue.Enqueue(TestActor, new Envelope(put++, TestActor));
            for (var i = 0; i < round * 2 / 3; i++) Assert.Equal(taken++, Take());
            Assert.Equal(put - taken, _queue.Count);
        }

        while (taken < put) Assert.Equal(taken++, Take());
        Assert.False(_queue.HasMessages);
        Assert.False(_queue.TryDequeue(out _));
    }

    [Fact]
    public void It_holds_no_memory_before_the_first_message_and_little_after_a_burst()
    {
        Assert.Equal(0, _queue.Capacity);
        for (var i = 0; i < 1000; i++) _queue.Enqueue(TestActor, new Envelope(i, TestActor));
        Assert.Equal(1024, _queue.Capacity);

        while (_queue.TryDequeue(out _))
        {
        }

        Assert.Equal(0, _queue.Capacity);
    }

    [Fact]
    public void What_is_left_when_an_actor_stops_becomes_dead_letters()
    {
        _queue.Enqueue(TestActor, new Envelope("left", TestActor));
        var others = new ConnectionMailbox.MessageQueue();

        _queue.CleanUp(TestActor, others);

        Assert.True(others.TryDequeue(out var envelope));
        Assert.Equal("left", envelope.Message);
        Assert.False(_queue.HasMessages);
    }

    [Fact]
    public async Task A_system_makes_it_for_an_actor_that_asks_for_it_by_name()
    {
        ConnectionMailbox.Configure(Sys);
        var actor = Sys.ActorOf(Props.Create(() => new Counter()).WithMailbox(ConnectionMailbox.Id));
        const int Tellers = 4, Each = 10_000;

        await Task.WhenAll(Enumerable.Range(0, Tellers).Select(teller => Task.Run(() =>
        {
            for (var i = 0; i < Each; i++) actor.Tell((teller, i));
        })));

        Assert.Equal(Tellers * Each, await actor.Ask<int>("count", TimeSpan.FromSeconds(10)));
    }

    private int Take()
    {
        Assert.True(_queue.TryDequeue(out var envelope));
        return (int)envelope.Message;
    }

    private sealed class Counter : ReceiveActor
    {
        private readonly int[] _next = new int[4];

        public Counter()
        {
            Receive<(int Teller, int Number)>(each =>
            {
                if (_next[each.Teller] == each.Number) _next[each.Teller]++; // in the order of each who tells
            });
            Receive<string>(_ => Sender.Tell(_next.Sum()));
        }
    }
}
