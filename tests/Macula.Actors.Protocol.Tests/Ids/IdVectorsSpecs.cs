using System.Net;
using System.Text.Json;

namespace Macula.Actors.Protocol.Tests;

public sealed class IdVectorsSpecs
{
    [Fact]
    public void Ids_keys_and_addresses_are_the_references()
    {
        foreach (var row in GoldenVectors.Rows("ids"))
        {
            switch (row.Text("kind"))
            {
                case "sha256_key":
                    Same(row, DhtKey.ForName(new Utf8Text(row.Bytes("input_hex"))).ToArray());
                    break;
                case "realm_id":
                    Same(row, RealmId.ForName(new Utf8Text(row.Bytes("input_hex"))));
                    break;
                case "realm_to_binary":
                    Same(row, RealmId.ToPrefixed(new Utf8Text(row.Bytes("input_hex"))));
                    break;
                case "next_message_id":
                    var next = UInt128.Parse(row.Text("counter")) + 1;
                    Assert.Equal(row.Text("next_counter"), next.ToString());
                    Same(row, MessageId.FromCounter(next).ToArray());
                    Same(row, CallId.FromCounter(next).ToArray());
                    break;
                case "uuid_text":
                    Assert.Equal(row.Text("text"), UuidText.Format(row.Bytes("input_hex")));
                    break;
                case "hex_text":
                    Assert.Equal(row.Text("text"), Hex.Encode(row.Bytes("input_hex")));
                    break;
                case "uri_new":
                    var node = new NodeId(row.Bytes("node_id_hex"));
                    var uri = new MaculaUri(row.Text("realm"), node);
                    Assert.Equal(row.Text("text"), uri.ToString());
                    Assert.True(MaculaUri.TryParse(row.Text("text"), out var again));
                    Assert.Equal(uri, again);
                    break;
                case "uri_parse":
                    ParsesAs(row.GetProperty("result"), row.Text("text"));
                    break;
                case "address_encode":
                    var parts = row.Text("text").Split(' ');
                    var endpoint = new IPEndPoint(IPAddress.Parse(parts[0]), int.Parse(parts[1]));
                    Same(row, CompactAddress.Encode(endpoint));
                    Assert.True(CompactAddress.TryDecode(row.Bytes("output_hex"), out var read));
                    Assert.Equal(endpoint, read);
                    break;
                case "gateway_default_node_id":
                    var port = row.GetProperty("port").GetInt32();
                    Same(row, GatewayNodeId.ForRealm(row.Text("realm"), port).Span);
                    break;
                default:
                    Assert.Fail(row.Text("kind"));
                    break;
            }
        }
    }

    private static void Same(JsonElement row, ReadOnlySpan<byte> bytes) =>
        Assert.Equal(row.Text("output_hex"), Convert.ToHexStringLower(bytes));

    private static void ParsesAs(JsonElement result, string text)
    {
        var parsed = MaculaUri.TryParse(text, out var uri);
        if (result.ValueKind == JsonValueKind.String)
        {
            Assert.False(parsed, text);
            return;
        }

        Assert.True(parsed, text);
        Assert.Equal(result.Text("realm"), uri.Realm);
        Assert.Equal(result.Text("node_id_hex"), Hex.Encode(uri.NodeId.Span));
    }
}
