using System.Buffers;

namespace Macula.Actors.Protocol.Tests;

/// <summary>What a receiver takes and refuses beyond the golden vectors. Payloads are spelled out
/// in hex: c4 is a bin, aN a str, 8N a map, 9N an array.</summary>
public sealed class ReceivingRulesSpecs
{
    private const string Qos = "c403716f73";
    private const string Topics = "c406746f70696373";
    private const string Timestamp = "c40974696d657374616d70";

    [Theory]
    [InlineData("81" + Topics + "a0", "")]
    [InlineData("81" + Topics + "90", "")]
    [InlineData("81" + Topics + "dc0000", "")]
    [InlineData("80", "")]
    [InlineData("81" + Topics + "92c40161a162", "a,b")]
    [InlineData("81a6746f7069637391d90161", "a")]
    [InlineData("82" + Topics + "91c40161" + Topics + "91c40162", "b")]
    [InlineData("82" + Topics + "05" + Topics + "91c40162", "b")]
    [InlineData("8207c0" + Topics + "91c40162", "b")]
    public void A_list_of_texts_is_read_in_every_form(string hex, string topics)
    {
        Assert.True(
            SubscribeMessage.TryDecode(Payload(hex), out var message, out var error),
            error.ToString());
        Assert.Equal(topics, string.Join(',', message.Topics));
    }

    [Theory]
    [InlineData("81" + Topics + "05", DecodeErrorCode.WrongKind, "topics")]
    [InlineData("81" + Topics + "9105", DecodeErrorCode.WrongKind, "topics")]
    [InlineData("81" + Topics + "a161", DecodeErrorCode.WrongKind, "topics")]
    [InlineData("82" + Topics + "91c40161" + Topics + "05", DecodeErrorCode.WrongKind, "topics")]
    [InlineData("81" + Qos + "c0", DecodeErrorCode.WrongKind, "qos")]
    [InlineData("81" + Qos + "03", DecodeErrorCode.OutOfRange, "qos")]
    [InlineData("81" + Qos + "ff", DecodeErrorCode.OutOfRange, "qos")]
    [InlineData("81" + Qos + "cfffffffffffffffff", DecodeErrorCode.OutOfRange, "qos")]
    [InlineData("82" + Topics + "05" + Qos + "03", DecodeErrorCode.WrongKind, "topics")]
    [InlineData("82" + Topics + "05c40178d40100", DecodeErrorCode.MsgPack, null)]
    [InlineData("81c40178a1ff", DecodeErrorCode.MsgPack, null)]
    [InlineData("81c40178c1", DecodeErrorCode.MsgPack, null)]
    [InlineData("81d4010005", DecodeErrorCode.MsgPack, null)]
    [InlineData("81" + Topics + "ddffffffff", DecodeErrorCode.MsgPack, null)]
    [InlineData("8100", DecodeErrorCode.MsgPack, null)]
    [InlineData("8000", DecodeErrorCode.MsgPack, null)]
    [InlineData("", DecodeErrorCode.MsgPack, null)]
    [InlineData("90", DecodeErrorCode.NotAMap, null)]
    public void What_is_wrong_is_named(string hex, DecodeErrorCode code, string? field)
    {
        Assert.False(SubscribeMessage.TryDecode(Payload(hex), out _, out var error));
        Assert.Equal(new DecodeError(code, field), error);
    }

    [Fact]
    public void A_missing_field_is_named_after_those_that_are_wrong()
    {
        Assert.False(PingMessage.TryDecode(Payload("80"), out _, out var error));
        Assert.Equal(new DecodeError(DecodeErrorCode.MissingField, "timestamp"), error);
    }

    [Theory]
    [InlineData("81" + Timestamp + "cf0000000000000005", 5)]
    [InlineData("81" + Timestamp + "d300000000000000ff", 255)]
    [InlineData("81" + Timestamp + "d1ff85", -123)]
    public void Integers_need_not_be_in_their_shortest_form(string hex, long value)
    {
        Assert.True(PingMessage.TryDecode(Payload(hex), out var ping, out _));
        Assert.Equal(value, ping.Timestamp);
    }

    [Fact]
    public void Nesting_is_bounded_and_a_bomb_is_an_error()
    {
        Assert.True(Nested(ProtocolLimits.MaxDepth - 1));
        Assert.False(Nested(ProtocolLimits.MaxDepth));
        Assert.False(Nested(1_000_000));

        static bool Nested(int depth)
        {
            byte[] payload = [0x81, 0xc4, 1, (byte)'x', .. Enumerable.Repeat((byte)0x91, depth), 0xc0];
            var read = SubscribeMessage.TryDecode(new(payload), out _, out _);
            Assert.Equal(read, RawValue.Check(new(payload)) == DecodeErrorCode.None);
            return read;
        }
    }

    [Fact]
    public void Lists_are_bounded()
    {
        Assert.True(List(ProtocolLimits.MaxListLength, out _));
        Assert.False(List(ProtocolLimits.MaxListLength + 1, out var error));
        Assert.Equal(new DecodeError(DecodeErrorCode.OutOfRange, "topics"), error);

        static bool List(int length, out DecodeError error) => SubscribeMessage.TryDecode(
            new SubscribeMessage([.. Enumerable.Repeat((Utf8Text)"a", length)]).ToPayload()
                .AsPayload(),
            out _,
            out error);
    }

    [Fact]
    public void Unknown_fields_of_a_publish_keep_their_form_and_their_number_is_bounded()
    {
        var known = new PublishMessage("t", "p"u8.ToArray(), 0, false, default).ToPayload().Bytes;

        var extra = Read("02ff" + "a16b" + "c0" + "c401" + "61" + "c3" + "02fe");
        Assert.Equal(["02=fe", "a16b=c0", "c40161=c3"],
            extra.Extra.Items.ToArray().Select(field => $"{field.Key}={field.Value}"));

        var most = string.Concat(Enumerable.Range(0, 64).Select(i => $"{i:x2}c0"));
        Assert.Equal(64, Read(most).Extra.Count);
        Assert.False(PublishMessage.TryDecode(With(most + "64c0"), out _, out var error));
        Assert.Equal(new DecodeError(DecodeErrorCode.OutOfRange, "unknown fields"), error);

        PublishMessage Read(string hex)
        {
            Assert.True(PublishMessage.TryDecode(With(hex), out var message, out _));
            Assert.True(PublishMessage.TryDecode(
                message.ToPayload().AsPayload(), out var again, out _));
            Assert.Equal(message.ToFrame(), again.ToFrame());
            return message;
        }

        ReadOnlySequence<byte> With(string hex)
        {
            var entries = Convert.FromHexString(hex);
            var count = Entries(hex) + 5;
            return new([0xde, 0, (byte)count, .. known.Span[1..], .. entries]);
        }

        // Every entry here ends in a one-byte value: walk them as a map of their own.
        static int Entries(string hex)
        {
            for (var count = 1; ; count++)
            {
                byte[] map = [0xde, 0, (byte)count, .. Convert.FromHexString(hex)];
                if (RawValue.Check(new(map)) == DecodeErrorCode.None) return count;
            }
        }
    }

    [Fact]
    public void Texts_of_one_segment_are_slices_and_texts_of_several_are_copies()
    {
        var bytes = new PublishMessage("topic", default, 0, false, default).ToPayload().Bytes;
        var buffer = bytes.ToArray();

        Assert.True(PublishMessage.TryDecode(new(buffer), out var slice, out _));
        Assert.True(PublishMessage.TryDecode(
            Chunks.Join(Chunks.Cut(buffer, [3])), out var copy, out _));
        buffer.AsSpan().Clear();

        Assert.NotEqual("topic", slice.Topic);
        Assert.Equal("topic", copy.Topic);
    }

    [Fact]
    public void A_text_that_is_a_bin_is_not_checked_to_be_utf8()
    {
        Assert.True(SubscribeMessage.TryDecode(
            Payload("81" + Topics + "91c402c328"), out var message, out _));
        Assert.Equal(2, message.Topics[0].Length);
    }

    private static ReadOnlySequence<byte> Payload(string hex) => new(Convert.FromHexString(hex));
}
