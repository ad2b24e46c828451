using System.Buffers.Binary;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Gateway.ConnectionEvents;
using StreamReader = Macula.Actors.Gateway.StreamReader;
using StreamWriter = Macula.Actors.Gateway.StreamWriter;

namespace Macula.Actors.Tests.Gateway;

public sealed class StreamReaderSpecs : TestKit
{
    private readonly TestMeters _meters = new();
    private readonly GatewayMetrics _metrics;
    private readonly ReadCredit _credit = new(maxFrames: 4, maxBytes: 10_000);
    private readonly AssemblyBudget _assembly = new(maxBytes: 30_000);
    private readonly TaskCompletionSource _admitted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StreamReaderSpecs(ITestOutputHelper log) : base(TestConfig.Strict, output: log) =>
        _metrics = new GatewayMetrics(_meters, new TableCensus());

    [Fact]
    [Trait("Defect", "D8")]
    public async Task Frames_are_put_together_however_they_were_split()
    {
        _admitted.SetResult();
        byte[][] frames =
        [
            Wire.Connect().ToFrame(), Wire.Publish("a.b").ToFrame(), Wire.Frame(FrameType.Cast, 0x80),
            Wire.Subscribe("a", "b").ToFrame(),
        ];
        byte[] all = [.. frames.SelectMany(frame => frame)];
        for (var at = 0; at <= all.Length; at++)
        {
            var (stream, _) = Start(at * 4);
            await stream.Arrive(all[..at], all[at..]);
            foreach (var frame in frames)
            {
                var arrived = await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline);
                Assert.Equal(frame[Frame.HeaderLength..], arrived.Payload.ToArray());
                Assert.Equal((FrameType)frame[1], arrived.Type);
                arrived.Lease.Return();
            }

            stream.End();
            Assert.Null((await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline)).Fault);
        }
    }

    [Fact]
    [Trait("Defect", "D8")]
    public async Task Frames_may_come_a_byte_at_a_time_or_all_at_once()
    {
        _admitted.SetResult();
        var frame = Wire.Publish("a.b", new string('x', 300)).ToFrame();
        var (stream, _) = Start();
        await stream.Arrive([.. frame.Select(each => new[] { each })]);
        await stream.Arrive([.. frame, .. frame, .. frame]);

        for (var i = 0; i < 4; i++)
            (await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline)).Lease.Return();
    }

    [Fact]
    public async Task No_more_frames_are_under_way_than_there_is_credit()
    {
        _admitted.SetResult();
        var (stream, _) = Start();
        for (var i = 0; i < 10; i++) await stream.Arrive(Wire.Frame(FrameType.Ping, (byte)i));
        List<FrameArrived> held = [];
        for (var i = 0; i < 4; i++) held.Add(await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline));
        Assert.Equal((4, false), (_credit.Frames, HasMessages));

        held[0].Lease.Return();
        Assert.Equal(4, (await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline)).Payload.Span[0]);
        Assert.Equal((4, false), (_credit.Frames, HasMessages));
    }

    [Fact]
    public async Task Before_admission_one_frame_of_the_first_stream_is_read_and_nothing_of_others()
    {
        var (first, _) = Start(0);
        var (second, _) = Start(4);
        await second.Arrive(Wire.Publish("early", new string('x', 8000)).ToFrame()); // above the limit of a CONNECT
        await first.Arrive(Wire.Connect().ToFrame(), Wire.Publish("next").ToFrame());
        var connect = await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline);
        Assert.Equal(FrameType.Connect, connect.Type);
        Assert.Equal((1, false), (_credit.Frames, HasMessages));

        _admitted.SetResult();
        var both = new[]
        {
            await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline),
            await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline),
        };
        Assert.Equal([0, 4], both.Select(frame => frame.Session.Stream.Id).Order());
    }

    [Fact]
    public async Task Who_is_never_admitted_is_read_no_further()
    {
        var (stream, _) = Start();
        var (other, _) = Start(4);
        await stream.Arrive(Wire.Connect().ToFrame(), Wire.Publish("next").ToFrame());
        await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline);
        _admitted.SetCanceled();

        await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline);
        await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline);
        Assert.False(HasMessages);
        other.End();
    }

    [Theory]
    [InlineData(FrameType.Connect)]
    [InlineData(FrameType.Publish)]
    public async Task A_first_frame_above_its_limit_ends_the_stream_on_its_header_alone(FrameType type)
    {
        var (stream, _) = Start();
        await stream.Arrive(Wire.Frame(type, new byte[4097])[..Frame.HeaderLength]);

        var ended = await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline);
        Assert.Equal(new FrameError(FrameErrorCode.FrameTooLarge, 4097), ended.Fault);
    }

    [Fact]
    public async Task A_connect_above_its_limit_is_refused_where_peers_are_allowed_too()
    {
        var (stream, _) = Start(peers: true);
        await stream.Arrive(Wire.Frame(FrameType.Connect, new byte[4097]));

        var ended = await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline);
        Assert.Equal(FrameErrorCode.FrameTooLarge, ended.Fault?.Code);
        Assert.Equal(0, _credit.Frames);
    }

    [Fact]
    public async Task A_later_frame_above_the_limit_ends_the_stream()
    {
        _admitted.SetResult();
        var (stream, _) = Start();
        await stream.Arrive(Wire.Frame(FrameType.Cast, new byte[20_000]));
        await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline);
        await stream.Arrive(Wire.Frame(FrameType.Cast, new byte[20_001])[..Frame.HeaderLength]);

        Assert.Equal(20_001u, (await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline)).Fault?.Value);
    }

    [Fact]
    public async Task A_wrong_version_ends_the_stream()
    {
        var (stream, _) = Start();
        await stream.Arrive([2]);

        var ended = await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline);
        Assert.Equal(new FrameError(FrameErrorCode.UnsupportedVersion, 2), ended.Fault);
    }

    [Fact]
    public async Task Frames_of_unknown_types_are_skipped_counted_and_told_once()
    {
        _admitted.SetResult();
        var (stream, _) = Start();
        for (var i = 0; i < 5; i++) await stream.Arrive(Wire.Frame((FrameType)0x72, 1, 2, 3));
        await stream.Arrive(Wire.Frame(FrameType.Ping, 0x80));

        await ExpectMsgAsync<FrameSkipped>(SpecExtensions.Deadline);
        (await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline)).Lease.Return();
        Assert.Equal(5, _meters.Total("macula.frames.skipped", "unknown_type"));
        Assert.Equal(0, _credit.Frames);
    }

    [Fact]
    public async Task Half_a_frame_at_the_end_is_nothing()
    {
        _admitted.SetResult();
        var (stream, _) = Start();
        await stream.Arrive(Wire.Publish("a").ToFrame()[..12]);
        stream.End();

        Assert.Null((await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline)).Fault);
        Assert.False(HasMessages);
    }

    [Fact]
    public async Task A_reset_is_an_end_like_any_other()
    {
        _admitted.SetResult();
        var (stream, reading) = Start();
        stream.End(new QuicTransportException(QuicTransportError.StreamAborted, "reset"));

        Assert.Null((await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline)).Fault);
        await reading.Soon();
    }

    [Fact]
    public async Task A_reader_that_waits_for_credit_ends_with_the_connection()
    {
        _admitted.SetResult();
        var (stream, reading) = Start();
        for (var i = 0; i < 10; i++) await stream.Arrive(Wire.Frame(FrameType.Ping, 0x80));
        for (var i = 0; i < 4; i++) await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline);
        _credit.Close();

        await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline);
        await reading.Soon();
    }

    [Theory]
    [InlineData(FrameType.Store, true)]
    [InlineData(FrameType.FindNode, true)]
    [InlineData(FrameType.FindValue, true)]
    [InlineData(FrameType.RpcRoute, true)]
    [InlineData(FrameType.Ping, true)]
    [InlineData(FrameType.Publish, false)]
    [InlineData(FrameType.Call, false)]
    public async Task Of_peers_streams_only_the_types_that_peers_send_are_read_before_admission(FrameType type, bool read)
    {
        var (stream, _) = Start(4, peers: true);
        await stream.Arrive(Wire.Frame(type, 0x80));
        await stream.Arrive(Wire.Frame(FrameType.Ping, 0x80));
        if (!read)
        {
            _admitted.SetResult();
        }

        Assert.Equal(type, (await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline)).Type);
        Assert.Equal(FrameType.Ping, (await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline)).Type);
    }

    [Fact]
    public async Task Large_frames_that_have_begun_are_bounded_over_all_streams_and_free_their_room_when_they_end()
    {
        _admitted.SetResult();
        var frame = Wire.Publish("a.b", new string('x', 16_000)).ToFrame();
        var (one, reading) = Start(0);
        await one.Arrive(frame[..2000]);
        await this.Eventually(() => _assembly.Bytes == frame.Length);

        var (two, _) = Start(4);
        await two.Arrive(frame[..2000]);
        Assert.Equal(4, (await ExpectMsgAsync<AssemblyOverflow>(SpecExtensions.Deadline)).Session.Stream.Id);
        await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline);

        await one.Arrive(frame[2000..]);
        Assert.Equal(frame.Length - Frame.HeaderLength, (await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline)).Payload.Length);
        await one.Arrive(frame[..2000]);
        one.End();
        await reading.WaitAsync(SpecExtensions.Deadline);
        Assert.Equal(0, _assembly.Bytes);
    }

    [Fact]
    public async Task A_large_frame_takes_as_much_memory_as_has_come_of_it()
    {
        const int Announced = 1 << 30; // whatever other specs allocate meanwhile is less than half of it
        _admitted.SetResult();
        var begun = Wire.Publish("a.b", new string('x', 2000)).ToFrame();
        BinaryPrimitives.WriteInt32BigEndian(begun.AsSpan(4), Announced);
        var assembly = new AssemblyBudget(int.MaxValue);
        var before = GC.GetTotalAllocatedBytes();
        var (stream, _) = Start(maxFrameSize: Announced, assembly: assembly);
        await stream.Arrive(begun);
        await this.Eventually(() => assembly.Bytes == Announced + Frame.HeaderLength);

        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, Announced / 2);
    }

    [Fact]
    public async Task A_large_frame_arrives_whole_in_many_parts()
    {
        const int Size = 1 << 20;
        _admitted.SetResult();
        var frame = Wire.Publish("a.b", new string('x', Size)).ToFrame();
        var assembly = new AssemblyBudget(2 * Size);
        var (stream, _) = Start(maxFrameSize: 2 * Size, assembly: assembly);
        for (var at = 0; at < frame.Length; at += 10_000)
            await stream.Arrive(frame[at..Math.Min(frame.Length, at + 10_000)]);

        var arrived = await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline);
        Assert.True(frame.AsSpan(Frame.HeaderLength).SequenceEqual(arrived.Payload.Span));
        await this.Eventually(() => assembly.Bytes == 0);
    }

    [Theory]
    [InlineData(FrameType.RpcRoute, 0, true)]
    [InlineData(FrameType.RpcRoute, 1024, true)]
    [InlineData(FrameType.RpcRoute, 1025, false)]
    [InlineData(FrameType.Publish, 0, true)]
    [InlineData(FrameType.Publish, 1, false)]
    [InlineData(FrameType.Publish, 1024, false)]
    public async Task What_a_gateway_puts_around_a_call_may_come_on_top_of_the_largest_frame(
        FrameType type, int above, bool isTaken)
    {
        _admitted.SetResult();
        var (stream, _) = Start(peers: true);
        var frame = Wire.Frame(type, new byte[20_000 + above]);
        var arriving = stream.Arrive(frame);

        if (isTaken)
        {
            Assert.Equal(frame.Length - Frame.HeaderLength, (await ExpectMsgAsync<FrameArrived>(SpecExtensions.Deadline)).Payload.Length);
            return;
        }

        var ended = await ExpectMsgAsync<StreamEnded>(SpecExtensions.Deadline);
        Assert.Equal(new FrameError(FrameErrorCode.FrameTooLarge, (uint)(20_000 + above)), ended.Fault);
    }

    private (FakeStream, Task) Start(
        long id = 0, bool peers = false, int maxFrameSize = 20_000, AssemblyBudget? assembly = null)
    {
        var stream = new FakeStream(id);
        var queue = new OutboundQueue(new OutboundLimits(1, 1, SlowConsumerPolicy.DropNewest), _metrics);
        var session = new StreamSession(stream, new StreamWriter(stream, TestActor, queue, _metrics));
        var limits = new ReaderLimits(MaxConnectSize: 4096, maxFrameSize, peers);
        return (
            stream,
            new StreamReader(session, TestActor, _credit, assembly ?? _assembly, limits, _admitted.Task, _metrics).RunAsync());
    }
}
