using System.Buffers;
using System.Text;
using Macula.Actors.Load.Neighbours;

namespace Macula.Actors.Load.Tests.Neighbours;

public sealed class NatsCodecSpecs
{
    [Fact]
    public void Publications_and_subscriptions_are_written_as_the_protocol_says()
    {
        var output = new ArrayBufferWriter<byte>();

        NatsCodec.Publish(output, "load.a"u8, default, "hello"u8);
        NatsCodec.Publish(output, "load.a"u8, "_INBOX.1.7"u8, ""u8);
        NatsCodec.Subscribe(output, "load.*"u8, 12);

        Assert.Equal(
            "PUB load.a 5\r\nhello\r\nPUB load.a _INBOX.1.7 0\r\n\r\nSUB load.* 12\r\n",
            Encoding.ASCII.GetString(output.WrittenSpan));
    }

    [Fact]
    public void What_the_server_sends_is_read_piece_by_piece_wherever_it_was_cut()
    {
        var stream = "INFO {\"a\":1}\r\n+OK\r\nPING\r\nMSG load.a 1 7\r\nhe\r\nllo\r\nMSG load.b 22 _INBOX.1.7 0\r\n\r\n-ERR 'no'\r\nPONG\r\n"u8;
        string[] expected =
            ["Info {\"a\":1}", "Ok", "Ping", "Message load.a he\r\nllo", "Message load.b _INBOX.1.7", "Error 'no'", "Pong"];

        for (var cut = 0; cut <= stream.Length; cut++)
        {
            List<string> read = [];
            var first = stream[..cut];
            Drain(ref first, read);
            var rest = stream[(cut - first.Length)..]; // what was not taken comes again, with more
            Drain(ref rest, read);

            Assert.True(rest.IsEmpty);
            Assert.Equal(expected, read);
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n")]
    [InlineData("MSG load.a 1\r\n")]
    [InlineData("MSG load.a 1 x\r\n")]
    [InlineData("MSG load.a 1 -1\r\n")]
    [InlineData("MSG load.a 1 5x\r\nhello\r\n")]
    public void What_is_not_NATS_is_told(string text)
    {
        var error = Assert.Throws<InvalidDataException>(() =>
        {
            ReadOnlySpan<byte> rest = Encoding.ASCII.GetBytes(text);
            NatsCodec.TryRead(ref rest, out _);
        });

        Assert.Contains("is not NATS", error.Message, StringComparison.Ordinal);
    }

    private static void Drain(ref ReadOnlySpan<byte> rest, List<string> read)
    {
        while (NatsCodec.TryRead(ref rest, out var frame))
        {
            string[] parts =
            [
                frame.Kind.ToString(), Text(frame.Subject), Text(frame.ReplyTo), Text(frame.Text),
            ];
            read.Add(string.Join(' ', parts.Where(part => part.Length > 0)));
        }
    }

    private static string Text(ReadOnlySpan<byte> text) => Encoding.ASCII.GetString(text);
}
