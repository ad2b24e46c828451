using System.Buffers;

namespace Macula.Actors.Protocol.Tests;

public sealed class AllocationSpecs
{
    private static readonly CallId Id = CallId.FromCounter(1);

    [Fact]
    public void Reading_a_publish_off_one_segment_allocates_nothing() =>
        AllocatesNothing(
            new PublishMessage("sensor.temp.room1", new byte[100], 1, false, MessageId.FromCounter(9)),
            static payload => PublishMessage.TryDecode(payload, out _, out _));

    [Fact]
    public void Reading_a_call_off_one_segment_allocates_nothing() =>
        AllocatesNothing(
            new CallMessage("my.app.get_user", new byte[100], Id, "com.example.realm", 5_000),
            static payload => CallMessage.TryDecode(payload, out _, out _));

    [Fact]
    public void Reading_a_reply_off_one_segment_allocates_nothing()
    {
        AllocatesNothing(
            new ReplyMessage(Id, new byte[100]),
            static payload => ReplyMessage.TryDecode(payload, out _, out _));
        AllocatesNothing(
            ReplyMessage.Failed(Id, ReplyErrorCodes.Timeout, "No reply in 5 s."),
            static payload => ReplyMessage.TryDecode(payload, out _, out _));
    }

    [Fact]
    public void Refusing_a_publish_allocates_nothing() =>
        AllocatesNothing(
            new PublishMessage("a", default, Qos: 3, false, default),
            static payload => !PublishMessage.TryDecode(payload, out _, out var error) &&
                error.Code == DecodeErrorCode.OutOfRange);

    [Fact]
    public void Unknown_fields_beyond_those_that_are_kept_allocate_nothing()
    {
        const int Fields = 10_000, Distinct = 200; // keys 0x00 to 0x7f and 0xcc80 to 0xccff, values nil
        List<byte> payload = [0xde, (byte)(Fields >> 8), (byte)(Fields & 0xff)];
        for (var i = 0; i < Fields; i++)
        {
            var key = Math.Min(i, Distinct);
            if (key > 0x7f) payload.Add(0xcc);
            payload.AddRange([(byte)key, 0xc0]);
        }

        var bytes = new ReadOnlySequence<byte>(payload.ToArray());
        Assert.False(PublishMessage.TryDecode(bytes, out _, out _));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(PublishMessage.TryDecode(bytes, out _, out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Fields);
    }

    [Fact]
    public void Writing_a_publish_into_a_buffer_allocates_nothing()
    {
        var publish = new PublishMessage(
            "sensor.temp.room1", new byte[100], 1, false, MessageId.FromCounter(9));
        var output = new ArrayBufferWriter<byte>(1024);
        Measure(() =>
        {
            output.ResetWrittenCount();
            publish.Encode(output);
            return true;
        });
    }

    private static void AllocatesNothing<T>(T message, Func<ReadOnlySequence<byte>, bool> read)
        where T : IMessage
    {
        var bytes = message.ToFrame();
        Measure(() =>
        {
            var buffer = new ReadOnlySequence<byte>(bytes);
            return FrameReader.TryRead(ref buffer, 1024, out var frame, out _) ==
                FrameReadStatus.Frame && read(frame.Payload);
        });
    }

    // What the runtime allocates once, as code gets better, is not the message's: of some rounds one has to be clean.
    private static void Measure(Func<bool> work)
    {
        Assert.True(work());
        var least = long.MaxValue;
        for (var round = 0; round < 5 && least > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var worked = true;
            for (var i = 0; i < 1_000; i++) worked &= work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.True(worked);
        }

        Assert.Equal(0, least);
    }
}
