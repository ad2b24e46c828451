using CsCheck;

namespace Macula.Actors.Protocol.Tests;

public sealed class NodeIdSpecs
{
    [Theory]
    [Trait("Defect", "D61")]
    [InlineData("sensor.temp.room1", "sensor.temp.room1")]
    [InlineData("0x00ff", "0x00ff")]
    [InlineData("0xabc", null)]
    [InlineData("0x", null)]
    [InlineData("0x+f", null)]
    [InlineData("", null)]
    [InlineData("a b", "0x612062")]
    public void A_text_is_parsed_or_refused(string text, string? shown)
    {
        var parsed = NodeId.TryParse(text, out var id);

        Assert.Equal(shown is not null, parsed);
        if (parsed) Assert.Equal(shown, id.ToString());
    }

    [Fact]
    public void Whatever_the_bytes_the_text_of_an_id_is_parsed_back() =>
        Gen.OneOf(Gen.Byte, Gen.Byte[0x20, 0x7e], Gen.Byte[0x30, 0x39]).Array[1, 255]
            .Sample(bytes =>
            {
                var id = new NodeId(bytes);
                return NodeId.Parse(id.ToString()) == id;
            });

    [Fact]
    public void Hex_of_32_bytes_shows_as_hex_and_a_name_made_of_64_digits_does_not_collide()
    {
        var random = NodeId.Random();
        Assert.Equal(64, random.ToString().Length);

        var name = new NodeId("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"u8);
        Assert.Equal(name, NodeId.Parse(name.ToString()));
        Assert.StartsWith("0x", name.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Default_is_nobody_and_equals_itself_alone()
    {
        Assert.True(default(NodeId).IsEmpty);
        Assert.Equal(default, default(NodeId));
        Assert.NotEqual(default, NodeId.Parse("a"));
        Assert.Equal("", default(NodeId).ToString());
        Assert.Throws<ArgumentException>(() => new NodeId([]));
        Assert.Throws<ArgumentException>(() => new NodeId(new byte[256]));
    }

    [Fact]
    public void Call_ids_are_equal_by_bytes_and_length() =>
        Gen.Select(Gen.Byte[0, 1].Array[0, 20], Gen.Byte[0, 1].Array[0, 20]).Sample((a, b) =>
        {
            var (left, right) = (new CallId(a), new CallId(b));
            var same = a.AsSpan().SequenceEqual(b);
            return left == right == same && (!same || left.GetHashCode() == right.GetHashCode()) &&
                left.ToArray().AsSpan().SequenceEqual(a);
        });

    [Fact]
    public void A_text_is_equal_by_bytes_wherever_they_lie()
    {
        var buffer = "xa.bx"u8.ToArray();
        var slice = new Utf8Text(buffer.AsMemory(1, 3));

        Assert.Equal("a.b", slice);
        Assert.Equal(((Utf8Text)"a.b").GetHashCode(), slice.GetHashCode());

        var owned = slice.ToOwned();
        buffer[1] = (byte)'z';
        Assert.Equal("a.b", owned.ToString());
    }
}
