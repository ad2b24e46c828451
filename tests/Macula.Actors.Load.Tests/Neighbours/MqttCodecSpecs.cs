using System.Buffers;
using System.Text;
using Macula.Actors.Load.Neighbours;

namespace Macula.Actors.Load.Tests.Neighbours;

public sealed class MqttCodecSpecs
{
    [Fact]
    public void Packets_are_written_as_the_standard_says()
    {
        var output = new ArrayBufferWriter<byte>();

        MqttCodec.Connect(output, "me"u8);
        MqttCodec.Subscribe(output, 258, "a/b"u8);
        MqttCodec.Publish(output, "a/b"u8, "hi"u8);

        Assert.Equal(
            "100E" + "00044D515454" + "04" + "02" + "0000" + "00026D65" +
            "8208" + "0102" + "0003612F62" + "00" +
            "3007" + "0003612F62" + "6869",
            Convert.ToHexString(output.WrittenSpan));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(124)] // 127 with the topic: the last length of one byte
    [InlineData(125)]
    [InlineData(16_380)] // 16,383: the last of two
    [InlineData(16_381)]
    public void A_payload_of_any_size_comes_back(int size)
    {
        var output = new ArrayBufferWriter<byte>();
        var payload = new byte[size];
        new Random(size).NextBytes(payload);

        var written = MqttCodec.Publish(output, "t"u8, payload);
        Assert.True(written.SequenceEqual(payload));

        var rest = output.WrittenSpan;
        Assert.True(MqttCodec.TryRead(ref rest, out var frame));
        Assert.True(rest.IsEmpty);
        Assert.Equal(MqttKind.Publish, frame.Kind);
        Assert.True(frame.Topic.SequenceEqual("t"u8));
        Assert.True(frame.Body.SequenceEqual(payload));
    }

    [Fact]
    public void What_the_broker_sends_is_read_packet_by_packet_wherever_it_was_cut()
    {
        var output = new ArrayBufferWriter<byte>();
        output.Write((byte[])[0x20, 2, 0, 0, 0x90, 3, 0, 1, 0]); // CONNACK, SUBACK
        MqttCodec.Publish(output, "a/b"u8, new byte[200]);
        MqttCodec.Publish(output, "c"u8, "x"u8);
        var stream = output.WrittenSpan;

        for (var cut = 0; cut <= stream.Length; cut++)
        {
            List<string> read = [];
            var first = stream[..cut];
            Drain(ref first, read);
            var rest = stream[(cut - first.Length)..];
            Drain(ref rest, read);

            Assert.True(rest.IsEmpty);
            Assert.Equal(["ConnAck  2", "SubAck  3", "Publish a/b 200", "Publish c 1"], read);
        }
    }

    [Theory]
    [InlineData("4002", "type 4")] // PUBACK
    [InlineData("32050001610001", "above QoS 0")]
    [InlineData("30020005", "shorter than its topic")]
    [InlineData("300100", "shorter than its topic")]
    [InlineData("30FFFFFFFF01", "more than 4 bytes")]
    public void What_nobody_asked_for_is_told(string hex, string why)
    {
        var error = Assert.Throws<InvalidDataException>(() =>
        {
            ReadOnlySpan<byte> rest = (byte[])[.. Convert.FromHexString(hex), 0, 0];
            MqttCodec.TryRead(ref rest, out _);
        });

        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    private static void Drain(ref ReadOnlySpan<byte> rest, List<string> read)
    {
        while (MqttCodec.TryRead(ref rest, out var frame))
            read.Add($"{frame.Kind} {Encoding.ASCII.GetString(frame.Topic)} {frame.Body.Length}");
    }
}
