namespace Macula.Actors.Protocol.Tests;

public sealed class FrameVectorsSpecs
{
    // More than 32 keys have no order in the reference.
    private const string Unsorted = "map40";

    public static TheoryData<string> Files => [.. GoldenVectors.FrameFiles];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_frame_is_read_and_says_what_the_vector_says(string file)
    {
        foreach (var row in GoldenVectors.Rows(file))
        {
            var frame = TypedMessage.FrameOf(row.Bytes("frame_hex"));

            Assert.Equal(row.GetProperty("type_id").GetByte(), (byte)frame.Type);
            Assert.Equal(row.GetProperty("payload_len").GetInt64(), frame.Payload.Length);
            Assert.Equal(
                WireValue.Show(row.GetProperty("fields")), WireValue.Show(frame.Payload.First));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_frame_is_written_byte_for_byte(string file)
    {
        foreach (var row in GoldenVectors.Rows(file))
        {
            var payload = WireValue.Encode(
                row.GetProperty("fields"), sorted: row.Text("name") != Unsorted);
            var type = (FrameType)row.GetProperty("type_id").GetByte();

            var written = new OpaqueMessage(type, new RawValue(payload)).ToFrame();

            Assert.Equal(row.Text("frame_hex"), Convert.ToHexStringLower(written));
        }
    }

    [Fact]
    public void Frames_with_keys_in_any_order_say_the_same()
    {
        foreach (var group in GoldenVectors.Rows("key_order").GroupBy(row => row.Text("type")))
        {
            var written = new HashSet<string>();
            foreach (var row in group)
            {
                var frame = TypedMessage.FrameOf(row.Bytes("frame_hex"));
                Assert.Equal(
                    WireValue.ShowAsReference(row.GetProperty("value")),
                    WireValue.ShowAsReference(frame.Payload.First));
                var message = TypedMessage.Decode(frame, out var error);
                Assert.True(message is not null, $"{row.Text("name")}: {error}");
                var again = TypedMessage.FrameOf(message.ToFrame());
                Assert.Equal(
                    WireValue.ShowAsReference(row.GetProperty("value")),
                    WireValue.ShowAsReference(again.Payload.First));
                written.Add(Convert.ToHexStringLower(message.ToFrame()));
            }

            Assert.Single(written);
        }
    }
}
