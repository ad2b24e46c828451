using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using StreamWriter = Macula.Actors.Gateway.StreamWriter;

namespace Macula.Actors.Tests.Gateway;

public sealed class StreamWriterSpecs : IDisposable
{
    private readonly TestMeters _meters = new();
    private readonly GatewayMetrics _metrics;
    private readonly FakeStream _stream = new(sendWindow: 1);
    private int _overflows;

    public StreamWriterSpecs() => _metrics = new GatewayMetrics(_meters, new TableCensus());

    public void Dispose() => _meters.Dispose();

    [Fact]
    public async Task Frames_arrive_in_the_order_of_sending()
    {
        var (writer, queue) = Writer();
        for (var i = 0; i < 100; i++) Assert.True(writer.TrySend(Numbered(i), FrameDelivery.Required));
        for (var i = 0; i < 100; i++) Assert.Equal(i, Number(await _stream.Next()));
        writer.Finish();

        Assert.Null(await _stream.Next());
        await writer.Finished.Soon();
        Assert.Equal((0, 0), (queue.Frames, queue.Bytes));
        Assert.Equal(100, _meters.Total("macula.frames.out"));
        Assert.Equal(100 * Numbered(0).Length, _meters.Total("macula.frames.out.size"));
    }

    [Fact]
    public async Task Many_senders_at_once_lose_nothing()
    {
        var (writer, queue) = Writer(maxFrames: 10_000);
        var sending = Task.Run(() => Parallel.For(0, 1000, i => Assert.True(writer.TrySend(Numbered(i), FrameDelivery.Required))));
        HashSet<int> seen = [];
        for (var i = 0; i < 1000; i++) Assert.True(seen.Add(Number(await _stream.Next())));
        await sending.Soon();
        writer.Finish();

        Assert.Null(await _stream.Next());
        await writer.Finished.Soon();
        Assert.Equal((0, 0), (queue.Frames, queue.Bytes));
    }

    [Fact]
    public async Task Drop_oldest_keeps_what_must_arrive_and_the_newest_of_the_rest()
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 4);
        Assert.True(writer.TrySend(Numbered(1), FrameDelivery.Required));
        for (var i = 2; i <= 6; i++) Assert.True(writer.TrySend(Numbered(i), FrameDelivery.Droppable));

        Assert.Equal([0, 1, 5, 6], await Read(4));
        Assert.Equal(3, _meters.Total("macula.outbound.dropped", "drop-oldest"));
        await this.Eventually(() => queue.Frames == 0);
    }

    [Fact]
    public async Task Drop_newest_keeps_the_oldest()
    {
        var (writer, _) = await Stalled(SlowConsumerPolicy.DropNewest, maxFrames: 4);
        for (var i = 1; i <= 6; i++) Assert.Equal(i <= 3, writer.TrySend(Numbered(i), FrameDelivery.Droppable));

        Assert.Equal([0, 1, 2, 3], await Read(4));
        Assert.Equal(3, _meters.Total("macula.outbound.dropped", "drop-newest"));
        Assert.Equal(0, _overflows);
    }

    [Theory]
    [InlineData(SlowConsumerPolicy.DropNewest)]
    [InlineData(SlowConsumerPolicy.DropOldest)]
    public async Task What_must_arrive_takes_the_place_of_what_may_be_dropped(SlowConsumerPolicy policy)
    {
        var (writer, _) = await Stalled(policy, maxFrames: 3);
        writer.TrySend(Numbered(1), FrameDelivery.Droppable);
        writer.TrySend(Numbered(2), FrameDelivery.Droppable);
        Assert.True(writer.TrySend(Numbered(3), FrameDelivery.Answer));

        Assert.Equal([0, 2, 3], await Read(3));
        Assert.Equal(0, _overflows);
    }

    [Theory]
    [InlineData(SlowConsumerPolicy.DropNewest, FrameDelivery.Required)]
    [InlineData(SlowConsumerPolicy.DropOldest, FrameDelivery.Answer)]
    [InlineData(SlowConsumerPolicy.Disconnect, FrameDelivery.Required)]
    [InlineData(SlowConsumerPolicy.Disconnect, FrameDelivery.Droppable)]
    public async Task A_consumer_that_cannot_get_what_it_must_is_given_up_once(
        SlowConsumerPolicy policy, FrameDelivery delivery)
    {
        var (writer, queue) = await Stalled(policy, maxFrames: 3);
        writer.TrySend(Numbered(1), FrameDelivery.Required);
        writer.TrySend(Numbered(2), FrameDelivery.Required);

        Assert.False(writer.TrySend(Numbered(3), delivery));
        Assert.False(writer.TrySend(Numbered(4), delivery));

        Assert.Equal(1, _overflows);
        Assert.Equal((0, 0), (queue.Frames, queue.Bytes)); // nothing is held for it any more
        await writer.Finished.Soon();
    }

    [Fact]
    public async Task What_may_be_refused_is_refused_and_nothing_else_happens()
    {
        foreach (var policy in Enum.GetValues<SlowConsumerPolicy>())
        {
            var (writer, _) = await Stalled(policy, maxFrames: 2, new FakeStream(sendWindow: 1));
            writer.TrySend(Numbered(1), FrameDelivery.Droppable);

            Assert.False(writer.TrySend(Numbered(2), FrameDelivery.Refusable));
            Assert.Equal(0, _overflows);
        }

        Assert.Equal(0, _meters.Total("macula.outbound.dropped"));
    }

    [Fact]
    public async Task Bytes_are_bounded_too_over_all_streams_of_the_connection()
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropNewest, maxFrames: 100, maxBytes: 100);
        var sibling = new StreamWriter(new FakeStream(4), ActorRefs.Nobody, queue, _metrics, () => { });

        Assert.True(writer.TrySend(new byte[70], FrameDelivery.Droppable));
        Assert.False(sibling.TrySend(new byte[20], FrameDelivery.Droppable));
        Assert.True(queue.Bytes <= 100);
    }

    [Fact]
    public async Task A_half_closed_stream_gets_its_answers_and_then_its_end()
    {
        var (writer, _) = Writer();
        writer.ExpectAnswer();
        writer.ExpectAnswer();
        writer.OnInputEnded();
        Assert.False(writer.Finished.IsCompleted);

        writer.TrySend(Numbered(1), FrameDelivery.Answer);
        Assert.Equal(1, Number(await _stream.Next()));
        Assert.True(writer.TrySend(Numbered(2), FrameDelivery.Answer));
        Assert.Equal(2, Number(await _stream.Next()));

        Assert.Null(await _stream.Next());
        await writer.Finished.Soon();
        Assert.False(writer.TrySend(Numbered(3), FrameDelivery.Required));
    }

    [Fact]
    public async Task A_request_that_was_settled_is_not_waited_for()
    {
        var (writer, _) = Writer();
        writer.ExpectAnswer();
        writer.OnInputEnded();
        writer.Settle();

        Assert.Null(await _stream.Next());
    }

    [Fact]
    public async Task A_stream_that_is_held_open_stays_when_the_peer_has_finished()
    {
        var (writer, _) = Writer();
        writer.IsHeldOpen = true;
        writer.OnInputEnded();

        Assert.True(writer.TrySend(Numbered(1), FrameDelivery.Droppable));
        Assert.Equal(1, Number(await _stream.Next()));
        writer.Finish();
        Assert.Null(await _stream.Next());
    }

    [Fact]
    public async Task Finishing_writes_what_is_queued_and_takes_no_more()
    {
        var (writer, _) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 10);
        for (var i = 1; i < 5; i++) writer.TrySend(Numbered(i), FrameDelivery.Required);
        writer.Finish();

        Assert.False(writer.TrySend(Numbered(9), FrameDelivery.Required));
        Assert.Equal([0, 1, 2, 3, 4], await Read(5));
        Assert.Null(await _stream.Next());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_peer_reads_no_more_nothing_is_held_for_it(bool lost)
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 10);
        writer.TrySend(Numbered(1), FrameDelivery.Required);
        if (lost) _stream.Lose();
        else _stream.StopReading();

        await writer.Finished.Soon();
        Assert.False(writer.TrySend(Numbered(2), FrameDelivery.Required));
        Assert.Equal((0, 0, 0), (queue.Frames, queue.Bytes, _overflows));
    }

    [Fact]
    public async Task Stopping_drops_what_is_queued()
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 10);
        writer.TrySend(Numbered(1), FrameDelivery.Required);
        writer.Stop();
        writer.Stop();

        await writer.Finished.Soon();
        Assert.Equal((0, 0), (queue.Frames, queue.Bytes));
    }

    private (StreamWriter, OutboundQueue) Writer(
        SlowConsumerPolicy policy = SlowConsumerPolicy.DropOldest, int maxFrames = 1000, long maxBytes = 1_000_000,
        FakeStream? stream = null)
    {
        var queue = new OutboundQueue(new OutboundLimits(maxFrames, maxBytes, policy), _metrics);
        var writer = new StreamWriter(
            stream ?? _stream, ActorRefs.Nobody, queue, _metrics, () => Interlocked.Increment(ref _overflows));
        return (writer, queue);
    }

    // Frame 0 has gone out and its flush waits for the peer, who reads nothing; it counts until it is taken.
    private async Task<(StreamWriter, OutboundQueue)> Stalled(
        SlowConsumerPolicy policy, int maxFrames, FakeStream? stream = null, long maxBytes = 1_000_000)
    {
        var (writer, queue) = Writer(policy, maxFrames, maxBytes, stream);
        writer.TrySend(Numbered(0), FrameDelivery.Required);
        await this.Eventually(() => writer.IsWriting);
        return (writer, queue);
    }

    private async Task<List<int>> Read(int count)
    {
        List<int> numbers = [];
        while (numbers.Count < count) numbers.Add(Number(await _stream.Next()));
        return numbers;
    }

    private static byte[] Numbered(int number) => new PingMessage(1_000_000 + number).ToFrame();

    private static int Number(WireFrame? frame)
    {
        Assert.True(PingMessage.TryDecode(frame!.Payload, out var ping, out _));
        return (int)ping.Timestamp - 1_000_000;
    }

    private async Task Eventually(Func<bool> condition)
    {
        using var late = new CancellationTokenSource(SpecExtensions.Deadline);
        while (!condition())
        {
            late.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
