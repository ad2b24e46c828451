namespace Macula.Actors.Protocol.Tests;

public sealed class DhtMessagesSpecs
{
    private static readonly ServiceRecord Record = new(
        NodeId.Parse("sensor"), "https://localhost:9443",
        TextMap.Encode([new("zone", "north"), new("model", "t1")]), 60, 1_763_078_400);

    [Fact]
    public void A_service_record_comes_back()
    {
        Assert.True(ServiceRecord.TryDecode(Record.Encode(), out var read, out _));
        Assert.Equal(Record, read);
        Assert.Equal("t1", TextMap.Decode(read.Metadata)["model"]);
    }

    [Fact]
    public void Stored_service_records_of_the_reference_are_read_and_written_alike()
    {
        var records = 0;
        foreach (var row in GoldenVectors.Rows("frames_dht"))
        {
            var frame = TypedMessage.FrameOf(row.Bytes("frame_hex"));
            if (frame.Type != FrameType.Store) continue;
            if (!StoreMessage.TryDecode(frame.Payload, out var store, out _)) continue;
            if (!ServiceRecord.TryDecode(store.Value, out var record, out _)) continue;
            if (record.Metadata.IsEmpty) continue;

            Assert.Equal(store.Value, record.Encode());
            records++;
        }

        Assert.True(records > 5, $"{records} records");
    }

    [Fact]
    public void What_a_record_lacks_has_its_default()
    {
        var stored = new RawValue(Convert.FromHexString(
            "82c408656e64706f696e74c40165c4076e6f64655f6964c4016e"));

        Assert.True(ServiceRecord.TryDecode(stored, out var record, out _));

        Assert.Equal(ServiceRecord.DefaultTtl, record.Ttl);
        Assert.True(record.Metadata.IsEmpty);
        Assert.Null(record.AdvertisedAt);
    }

    [Fact]
    public void Providers_are_read_off_one_map_and_off_a_list_and_others_are_left_out()
    {
        var one = FindValueReplyMessage.Found(Record.Encode());
        Assert.Equal([Record], Again(one).Providers());

        var nil = new RawValue(new byte[] { 0xc0 });
        var list = FindValueReplyMessage.Found([Record.Encode(), nil, Record.Encode()]);
        Assert.Equal([Record, Record], Again(list).Providers());

        Assert.Empty(Again(FindValueReplyMessage.Missed([])).Providers());
        Assert.Empty(Again(FindValueReplyMessage.Found(nil)).Providers());
        IReadOnlyList<RawValue> none = [];
        Assert.Throws<ArgumentException>(() => FindValueReplyMessage.Found(none));
    }

    [Fact]
    public void A_stored_value_is_nested_less_deeply_than_the_reply_that_carries_it()
    {
        Assert.True(Stores(ProtocolLimits.MaxStoredDepth, out var value, out _));
        Assert.Single(Again(FindValueReplyMessage.Found([value])).Value!.Value.Elements()!);

        Assert.False(Stores(ProtocolLimits.MaxStoredDepth + 1, out _, out var error));
        Assert.Equal(new DecodeError(DecodeErrorCode.OutOfRange, "value"), error);

        static bool Stores(int depth, out RawValue value, out DecodeError error)
        {
            value = new RawValue((byte[])[.. Enumerable.Repeat((byte)0x91, depth), 0xc0]);
            var store = new StoreMessage(new byte[32], value);
            return StoreMessage.TryDecode(store.ToPayload().AsPayload(), out _, out error);
        }
    }

    [Fact]
    public void A_refusal_has_its_reason()
    {
        var refused = Again(FindValueReplyMessage.Refused("unknown_message"));

        Assert.Equal("unknown_message", refused.Reason.ToString());
        Assert.Null(refused.Nodes);
        Assert.Null(refused.Value);
    }

    [Fact]
    public void A_call_inside_a_route_is_the_same_call()
    {
        var call = new CallMessage("my.app", "{}"u8.ToArray(), CallId.FromCounter(7));
        var route = RpcRouteMessage.ForCall(NodeId.Parse("to"), NodeId.Parse("from"), call);

        Assert.True(RpcRouteMessage.TryDecode(route.ToPayload().AsPayload(), out var read, out _));
        Assert.True(read.IsCall);
        Assert.True(CallMessage.TryDecode(read.Payload.AsPayload(), out var inner, out _));
        Assert.Equal(call.ToFrame(), inner.ToFrame());
    }

    [Fact]
    public void Metadata_that_is_no_text_is_left_out()
    {
        // {a: 1, b: "x" (str), 5: "y", c: bin "z"}
        var map = new RawValue(Convert.FromHexString("84c4016101c40162a17805c40179c40163c4017a"));

        Assert.Equal(
            new Dictionary<string, string> { ["b"] = "x", ["c"] = "z" }, TextMap.Decode(map));
        Assert.Empty(TextMap.Decode(default));
    }

    private static FindValueReplyMessage Again(FindValueReplyMessage message)
    {
        Assert.True(FindValueReplyMessage.TryDecode(
            message.ToPayload().AsPayload(), out var read, out var error), error.ToString());
        return read;
    }
}
