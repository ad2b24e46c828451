using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.PubSub;
using StreamWriter = Macula.Actors.Gateway.StreamWriter;

namespace Macula.Actors.Tests.PubSub;

public sealed class SubscriptionsSpecs
{
    private static readonly PubSubOptions Options = TestOptions.Defaults.PubSub with { MaxPatternsPerClient = 10_000 };

    private readonly Subscriptions _subscriptions = new(Options);

    [Fact]
    public void Sending_to_many_streams_allocates_nothing()
    {
        var sinks = Enumerable.Range(0, 1000).Select(_ => new CountingSink()).ToArray();
        for (var i = 0; i < sinks.Length; i++)
        {
            Add(sinks[i], i % 2 == 0 ? "a.b" : "a.*");
            if (i % 3 == 0) Add(sinks[i], "**");
        }

        var frame = new byte[100];
        AssertAllocatesNothing(() => _subscriptions.Send("a.b"u8, frame, FrameDelivery.Droppable) == 1000);
        Assert.All(sinks, sink => Assert.Equal(sinks[0].Count, sink.Count));
    }

    [Fact]
    public void Queueing_for_many_slow_readers_allocates_nothing()
    {
        var metrics = new GatewayMetrics(new TestMeters(), new TableCensus());
        var writers = Enumerable.Range(0, 100).Select(_ => new StreamWriter(
            new FakeStream(sendWindow: 1), ActorRefs.Nobody,
            new OutboundQueue(new OutboundLimits(1000, 10_000_000, SlowConsumerPolicy.DropOldest), metrics), metrics)).ToArray();
        foreach (var writer in writers) Add(writer, "a");
        var frame = new byte[100];
        _subscriptions.Send("a"u8, frame, FrameDelivery.Droppable);
        Assert.True(SpinWait.SpinUntil(() => Array.TrueForAll(writers, each => each.IsWriting), SpecExtensions.Deadline));
        for (var i = 0; i < 70; i++) _subscriptions.Send("a"u8, frame, FrameDelivery.Droppable); // a ring of 128 then

        AssertAllocatesNothing(
            () => _subscriptions.Send("a"u8, frame, FrameDelivery.Droppable) == writers.Length, times: 20);
    }

    [Fact]
    public void Streams_and_clients_are_known_as_long_as_they_have_patterns()
    {
        var (one, two) = (new CountingSink(), new CountingSink()); // of one connection
        Add(one, "a.b");
        Add(one, "a.c");
        Add(two, "a.b");
        _subscriptions.Remove(one, "a.b");
        _subscriptions.Remove(one, "a.b");
        _subscriptions.Remove(one, "never");
        Assert.Equal((2, 3), (_subscriptions.Count, _subscriptions.Nodes));

        _subscriptions.Remove(one, "a.c");
        Assert.True(_subscriptions.Has(ActorRefs.Nobody));
        _subscriptions.Remove(two);
        Assert.False(_subscriptions.Has(ActorRefs.Nobody));
        Assert.Equal((0, 0), (_subscriptions.Count, _subscriptions.Nodes));
    }

    private void Add(IFrameSink sink, string pattern)
    {
        Assert.Null(_subscriptions.Add(sink, pattern, out var isNew));
        Assert.True(isNew);
    }

    // What the runtime allocates once, as code gets better, is not the send's: of some rounds one has to be clean.
    private static void AssertAllocatesNothing(Func<bool> send, int times = 100)
    {
        var least = long.MaxValue;
        for (var round = 0; round < 5 && least > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var good = true;
            for (var i = 0; i < times; i++) good &= send();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.True(good);
        }

        Assert.Equal(0, least);
    }

    private sealed class CountingSink : IFrameSink
    {
        public int Count { get; private set; }

        public IActorRef Connection => ActorRefs.Nobody;

        public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery)
        {
            Count++;
            return true;
        }

        public void Settle()
        {
        }
    }
}
