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
    private OutboundLimits _limits = new(1, 1, SlowConsumerPolicy.DropOldest);
    private readonly WriterOwner _owner = new();

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
        await _owner.Written.Soon();
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
        await _owner.Written.Soon();
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
        Assert.Equal(0, _owner.Overflows);
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
        Assert.Equal(0, _owner.Overflows);
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

        Assert.Equal(1, _owner.Overflows);
        Assert.Equal((0, 0), (queue.Frames, queue.Bytes)); // nothing is held for it any more
        await _owner.Written.Soon();
    }

    [Fact]
    public async Task What_may_be_refused_is_refused_and_nothing_else_happens()
    {
        foreach (var policy in Enum.GetValues<SlowConsumerPolicy>())
        {
            var (writer, _) = await Stalled(policy, maxFrames: 2, new FakeStream(sendWindow: 1));
            writer.TrySend(Numbered(1), FrameDelivery.Droppable);

            Assert.False(writer.TrySend(Numbered(2), FrameDelivery.Refusable));
            Assert.Equal(0, _owner.Overflows);
        }

        Assert.Equal(0, _meters.Total("macula.outbound.dropped"));
    }

    [Fact]
    public async Task Bytes_are_bounded_too_over_all_streams_of_the_owner()
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropNewest, maxFrames: 100, maxBytes: 100);
        var sibling = new StreamWriter(new FakeStream(4), ActorRefs.Nobody, queue, _metrics);

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
        Assert.False(_owner.Written.IsCompleted);

        writer.TrySend(Numbered(1), FrameDelivery.Answer);
        Assert.Equal(1, Number(await _stream.Next()));
        Assert.True(writer.TrySend(Numbered(2), FrameDelivery.Answer));
        Assert.Equal(2, Number(await _stream.Next()));

        Assert.Null(await _stream.Next());
        await _owner.Written.Soon();
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
    [Trait("Defect", "D46")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_peer_reads_no_more_nothing_is_held_for_it(bool lost)
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 10);
        writer.TrySend(Numbered(1), FrameDelivery.Required);
        if (lost) _stream.Lose();
        else _stream.StopReading();

        await _owner.Written.Soon();
        Assert.False(writer.TrySend(Numbered(2), FrameDelivery.Required));
        Assert.Equal((0, 0, 0), (queue.Frames, queue.Bytes, _owner.Overflows));
    }

    [Fact]
    public async Task Stopping_drops_what_is_queued()
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 10);
        writer.TrySend(Numbered(1), FrameDelivery.Required);
        writer.Stop();
        writer.Stop();

        await _owner.Written.Soon();
        Assert.Equal((0, 0), (queue.Frames, queue.Bytes));
    }

    [Theory]
    [InlineData(SlowConsumerPolicy.DropOldest)]
    [InlineData(SlowConsumerPolicy.DropNewest)]
    [InlineData(SlowConsumerPolicy.Disconnect)]
    public async Task When_the_bound_has_shrunk_the_next_frame_drops_the_oldest_above_it(SlowConsumerPolicy policy)
    {
        var (writer, queue) = await Stalled(policy, maxFrames: 16);
        for (var i = 1; i <= 10; i++)
            writer.TrySend(Numbered(i), i == 2 ? FrameDelivery.Required : FrameDelivery.Droppable);
        _limits.IsShrunk = true;
        Assert.Equal(11, queue.Frames);
        var taken = writer.TrySend(Numbered(11), FrameDelivery.Droppable);

        Assert.Equal(policy != SlowConsumerPolicy.DropNewest, taken);
        Assert.Equal(4, queue.Frames);
        Assert.Equal(taken ? [0, 2, 10, 11] : [0, 2, 9, 10], await Read(4));
        Assert.Equal((8, 8), (
            _meters.Total("macula.outbound.dropped"), _meters.Total("macula.outbound.dropped", "memory-pressure")));
        Assert.Equal(0, _owner.Overflows);
    }

    [Fact]
    public async Task A_peer_that_is_sent_nothing_is_trimmed_when_it_is_said()
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 16);
        for (var i = 1; i <= 10; i++) writer.TrySend(Numbered(i), FrameDelivery.Droppable);
        writer.Trim();
        Assert.Equal(11, queue.Frames);
        _limits.IsShrunk = true;
        writer.Trim();
        writer.Trim();

        Assert.Equal((4, 4 * Numbered(0).Length), (queue.Frames, queue.Bytes));
        Assert.Equal(7, _meters.Total("macula.outbound.dropped", "memory-pressure"));
        Assert.Equal([0, 8, 9, 10], await Read(4));
    }

    [Fact]
    public async Task Bytes_are_trimmed_as_well_as_frames()
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 100, maxBytes: 4000);
        for (var i = 0; i < 30; i++) writer.TrySend(new byte[100], FrameDelivery.Droppable);
        _limits.IsShrunk = true;
        writer.Trim();

        Assert.InRange(queue.Bytes, 901, 1000);
    }

    [Theory]
    [InlineData(SlowConsumerPolicy.DropOldest)]
    [InlineData(SlowConsumerPolicy.DropNewest)]
    [InlineData(SlowConsumerPolicy.Disconnect)]
    public async Task Nobody_is_disconnected_because_the_bound_has_shrunk(SlowConsumerPolicy policy)
    {
        var (writer, queue) = await Stalled(policy, maxFrames: 16);
        _limits.IsShrunk = true;
        for (var i = 1; i < 16; i++) Assert.True(writer.TrySend(Numbered(i), FrameDelivery.Required));
        Assert.False(writer.TrySend(Numbered(16), FrameDelivery.Refusable));
        Assert.Equal((16, 0), (queue.Frames, _owner.Overflows));

        Assert.False(writer.TrySend(Numbered(16), FrameDelivery.Answer)); // full by any measure
        Assert.Equal(1, _owner.Overflows);
    }

    [Fact]
    public async Task The_largest_frame_still_passes_a_shrunk_queue_that_is_empty()
    {
        var (writer, _) = Writer(maxBytes: 100);
        _limits.IsShrunk = true;

        Assert.True(writer.TrySend(Wire.Frame(FrameType.Publish, new byte[92]), FrameDelivery.Droppable));
        Assert.Equal(100, (await _stream.Next())!.Bytes.Length);
    }

    [Fact]
    public async Task When_the_bound_is_given_back_it_is_as_before()
    {
        var (writer, queue) = await Stalled(SlowConsumerPolicy.DropOldest, maxFrames: 16);
        _limits.IsShrunk = true;
        for (var i = 1; i <= 10; i++) writer.TrySend(Numbered(i), FrameDelivery.Droppable);
        Assert.Equal(4, queue.Frames);
        _limits.IsShrunk = false;
        for (var i = 11; i <= 40; i++) writer.TrySend(Numbered(i), FrameDelivery.Droppable);

        Assert.Equal(16, queue.Frames);
        Assert.Equal(7, _meters.Total("macula.outbound.dropped", "memory-pressure"));
        Assert.Equal(18, _meters.Total("macula.outbound.dropped", "drop-oldest"));
    }

    private (StreamWriter, OutboundQueue) Writer(
        SlowConsumerPolicy policy = SlowConsumerPolicy.DropOldest, int maxFrames = 1000, long maxBytes = 1_000_000,
        FakeStream? stream = null)
    {
        _limits = new OutboundLimits(maxFrames, maxBytes, policy);
        var queue = new OutboundQueue(_limits, _metrics);
        var writer = new StreamWriter(stream ?? _stream, _owner, queue, _metrics);
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
