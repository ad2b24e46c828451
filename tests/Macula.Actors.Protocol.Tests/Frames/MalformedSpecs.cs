using System.Text.Json;

namespace Macula.Actors.Protocol.Tests;

public sealed class MalformedSpecs
{
    // The reference accepts these; a payload that is no map crashes whoever reads it there.
    private static readonly string[] NotMaps =
    [
        "msgpack_nested_arrays_200", "payload_integer", "payload_negative", "payload_nil",
        "payload_true", "payload_array", "payload_empty_array", "payload_str", "payload_bin",
        "payload_float", "payload_float32",
    ];

    [Fact]
    [Trait("Defect", "D58")]
    public void Every_verdict_is_the_references_but_for_payloads_that_are_no_map()
    {
        List<string> notMaps = [];
        foreach (var row in GoldenVectors.Rows("malformed"))
        {
            var name = row.Text("name");
            var reference = row.GetProperty("reference");
            var sound = FrameDecoder.Decode(row.Bytes("input_hex"), out var frame, out var error);
            if (error.Code == FrameErrorCode.PayloadNotAMap)
            {
                Assert.False(reference.GetProperty("payload_is_map").GetBoolean(), name);
                notMaps.Add(name);
            }
            else if (reference.Text("verdict") == "ok")
            {
                Assert.True(sound, $"{name}: {error}");
                Assert.Equal(reference.Text("type"), Name(frame.Type));
                Assert.Equal(
                    WireValue.ShowAsReference(reference.GetProperty("value")),
                    WireValue.ShowAsReference(frame.Payload.First));
            }
            else
            {
                Assert.False(sound, name);
                Assert.Equal((name, reference.Text("reason")), (name, error.CodeText));
                if (reference.GetProperty("detail").ValueKind == JsonValueKind.Number)
                    Assert.Equal(reference.GetProperty("detail").GetUInt32(), error.Value);
            }
        }

        Assert.Equal(NotMaps, notMaps);
    }

    [Fact]
    [Trait("Defect", "D58")]
    public void No_message_takes_what_the_decoder_refuses()
    {
        foreach (var row in GoldenVectors.Rows("malformed"))
        {
            var bytes = row.Bytes("input_hex");
            if (FrameDecoder.Decode(bytes, out _, out var error)) continue;
            if (error.Code is not (FrameErrorCode.MsgPackDecodeError or
                FrameErrorCode.PayloadNotAMap)) continue;

            var length = BitConverter.ToInt32([bytes[7], bytes[6], bytes[5], bytes[4]]);
            var payload = new ReadOnlyMemory<byte>(bytes, Frame.HeaderLength, length);
            foreach (var type in Enum.GetValues<FrameType>())
            {
                var frame = new Frame(type, new(payload));
                Assert.Null(TypedMessage.Decode(frame, out var fault));
                var expected = error.Code == FrameErrorCode.PayloadNotAMap
                    ? DecodeErrorCode.NotAMap : DecodeErrorCode.MsgPack;
                Assert.Equal(expected, fault.Code);
            }
        }
    }

    private static string Name(FrameType type) => JsonNamingPolicy.SnakeCaseLower
        .ConvertName(type.ToString());
}
