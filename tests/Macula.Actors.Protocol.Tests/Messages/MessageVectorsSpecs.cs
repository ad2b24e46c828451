namespace Macula.Actors.Protocol.Tests;

public sealed class MessageVectorsSpecs
{
    // The reference's encoder checks presence of a few fields and nothing else; what it packs of
    // other kinds or ranges no reader of it takes, and neither do we.
    private static readonly string[] Refused =
    [
        "connect_empty_node_id out_of_range node_id",
        "store_as_reply missing_field key",
        "publish_odd_qos_001 out_of_range qos",
        "publish_odd_qos_002 out_of_range qos",
        "publish_odd_qos_003 out_of_range qos",
        "publish_odd_qos_004 out_of_range qos",
        "publish_payload_map wrong_kind payload",
        "publish_retain_integer wrong_kind retain",
        "reply_error_without_call_id missing_field call_id",
        "reply_empty missing_field call_id",
        "reply_null_result wrong_kind result",
        "reply_result_map wrong_kind result",
        "cast_empty missing_field procedure",
        "hops_010 out_of_range hop_count",
    ];

    // Read, but not written back the same: unknown fields are dropped everywhere but in PUBLISH,
    // the inner DHT type is added, an error is always a map, and a reply has one outcome.
    private static readonly string[] Changed =
    [
        "connect_extra_fields", "find_node_without_type", "reply_error_text",
        "reply_result_and_error", "cast_extra",
    ];

    [Fact]
    public void Messages_are_read_and_written_back_byte_for_byte()
    {
        List<string> refused = [];
        List<string> changed = [];
        foreach (var row in GoldenVectors.FrameFiles
            .Where(file => file != "frames_quirks").SelectMany(GoldenVectors.Rows))
        {
            var bytes = row.Bytes("frame_hex");
            var message = TypedMessage.Decode(TypedMessage.FrameOf(bytes), out var error);
            if (message is null)
            {
                refused.Add($"{row.Text("name")} {error.CodeText} {error.Field}");
                continue;
            }

            var same = message.ToFrame().AsSpan().SequenceEqual(bytes);
            var known = message is not CastMessage || !row.GetProperty("fields").Has("extra");
            if (!same && known) changed.Add(row.Text("name"));
        }

        Assert.Equal(Refused, refused);
        Assert.Equal(Changed, changed);
    }

    [Fact]
    public void A_publish_travels_on_with_its_unknown_fields()
    {
        var exchange = GoldenVectors.Rows("exchanges")
            .Single(row => row.Text("name") == "publish_extra_fields_relayed");
        var step = exchange.GetProperty("steps")[1];
        var sent = TypedMessage.FrameOf(step.Bytes("send_hex"));

        Assert.True(PublishMessage.TryDecode(sent.Payload, out var publish, out _));

        Assert.Equal(
            step.GetProperty("received")[0].Text("frame_hex"),
            Convert.ToHexStringLower(publish.ToOwned().ToFrame()));
        Assert.Equal(2, publish.Extra.Count);
    }

    [Fact]
    public void The_inner_type_of_a_dht_payload_is_read_whatever_the_frame_type()
    {
        foreach (var row in GoldenVectors.Rows("frames_dht"))
        {
            var frame = TypedMessage.FrameOf(row.Bytes("frame_hex"));
            Assert.True(frame.Type.IsDht());
            Assert.True(DhtOperations.TryRead(frame.Payload, out var operation, out _));
            var inner = row.GetProperty("fields").Has("type")
                ? row.GetProperty("fields").GetProperty("type").Text("$utf8")
                : null;
            var expected = inner switch
            {
                "find_node" => DhtOperation.FindNode,
                "find_node_reply" => DhtOperation.FindNodeReply,
                "store" => DhtOperation.Store,
                "find_value" => DhtOperation.FindValue,
                "find_value_reply" => DhtOperation.FindValueReply,
                _ => DhtOperation.Unknown,
            };
            Assert.Equal(expected, operation);
        }
    }
}
