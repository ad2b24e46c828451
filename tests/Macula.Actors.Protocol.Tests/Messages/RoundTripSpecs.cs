using System.Buffers;
using CsCheck;
using Nerdbank.MessagePack;

namespace Macula.Actors.Protocol.Tests;

public sealed class RoundTripSpecs
{
    private static readonly Gen<int[]> Lengths =
        Gen.OneOf(Gen.Int[1, 9], Gen.Int[1, 300], Gen.Int[1, 100_000]).Array[1, 6];

    [Fact]
    public void Every_message_comes_back_however_its_stream_is_cut() =>
        Gen.Select(MessageGen.Any.Array[1, 5], Lengths).Sample((messages, lengths) =>
        {
            var stream = new ArrayBufferWriter<byte>();
            foreach (var message in messages) message.Encode(stream);
            var buffer = Chunks.Join(Chunks.Cut(stream.WrittenMemory, lengths));

            foreach (var message in messages)
            {
                var status = FrameReader.TryRead(
                    ref buffer, Frame.DefaultMaxPayload, out var frame, out _);
                Assert.Equal(FrameReadStatus.Frame, status);
                var read = TypedMessage.Decode(frame, out var error);
                Assert.True(read is not null, error.ToString());
                Assert.Equal(message.Type, read.Type);
                Assert.Equal(message.ToFrame(), read.ToFrame());
            }

            Assert.True(buffer.IsEmpty);
        }, iter: 500);

    [Fact]
    public void Keys_and_texts_sent_as_str_are_read_alike() =>
        MessageGen.Any.Where(message => message is not OpaqueMessage).Sample(message =>
        {
            var variant = StrKeys(message.ToPayload().Bytes);
            var read = TypedMessage.Decode(
                new Frame(message.Type, new ReadOnlySequence<byte>(variant)), out var error);

            Assert.True(read is not null, error.ToString());
            Assert.Equal(message.ToFrame(), read.ToFrame());
        }, iter: 300);

    [Fact]
    public void A_truncated_or_lengthened_payload_is_never_a_message() =>
        Gen.Select(MessageGen.Any, Gen.Int[0, int.MaxValue]).Sample((message, where) =>
        {
            var payload = message.ToPayload().Bytes;
            var cut = payload[..(where % payload.Length)];
            byte[] longer = [.. payload.Span, 0];

            foreach (var bytes in new[] { cut, longer })
            {
                var frame = new Frame(message.Type, new ReadOnlySequence<byte>(bytes));
                Assert.Null(TypedMessage.Decode(frame, out var error));
                Assert.Equal(DecodeErrorCode.MsgPack, error.Code);
            }
        }, iter: 300);

    [Fact]
    [Trait("Defect", "D6")]
    public void Random_bytes_are_an_error_or_a_message_but_no_exception() =>
        Gen.Select(Gen.Enum<FrameType>(), Gen.Byte.Array[0, 60])
            .Sample((type, bytes) =>
            {
                if (bytes.Length > 0) bytes[0] = (byte)(0x80 | (bytes[0] & 0x0f));
                var frame = new Frame(type, new ReadOnlySequence<byte>(bytes));
                var message = TypedMessage.Decode(frame, out var error);
                return message is null == (error.Code != DecodeErrorCode.None);
            }, iter: 20_000);

    [Fact]
    [Trait("Defect", "D6")]
    public void One_flipped_byte_is_an_error_or_a_message_but_no_exception() =>
        Gen.Select(MessageGen.Any, Gen.Int[0, int.MaxValue], Gen.Byte).Sample((message, at, value) =>
        {
            var bytes = message.ToPayload().Bytes.ToArray();
            bytes[at % bytes.Length] = value;
            var frame = new Frame(message.Type, new ReadOnlySequence<byte>(bytes));
            var read = TypedMessage.Decode(frame, out var error);
            return read is null == (error.Code != DecodeErrorCode.None);
        }, iter: 2_000);

    // Only top-level keys: what is inside raw values has to come back as it went.
    private static byte[] StrKeys(ReadOnlyMemory<byte> payload)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(output);
        var reader = new MessagePackReader(payload);
        var count = reader.ReadMapHeader();
        writer.WriteMapHeader(count);
        for (; count > 0; count--)
        {
            var key = reader.ReadBytes()!.Value;
            writer.WriteString(key);
            var isText = key.ToArray() is var name &&
                (name.AsSpan().SequenceEqual("topic"u8) || name.AsSpan().SequenceEqual("realm_id"u8) ||
                name.AsSpan().SequenceEqual("type"u8) || name.AsSpan().SequenceEqual("procedure"u8));
            if (isText) writer.WriteString(reader.ReadBytes()!.Value);
            else writer.WriteRaw(reader.ReadRaw(new SerializationContext()));
        }

        writer.Flush();
        return output.WrittenSpan.ToArray();
    }
}
