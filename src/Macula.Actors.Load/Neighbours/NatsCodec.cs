using System.Buffers;
using System.Buffers.Text;

namespace Macula.Actors.Load.Neighbours;

/// <summary>The NATS client protocol (docs.nats.io, NATS Protocol), as far as a load needs
/// it.</summary>
internal static class NatsCodec
{
    private const int MaxDigits = 10;

    /// <summary>PUB subject [reply-to] #bytes, and the payload.</summary>
    public static void Publish(
        IBufferWriter<byte> output, ReadOnlySpan<byte> subject, ReadOnlySpan<byte> replyTo, ReadOnlySpan<byte> payload)
    {
        var line = output.GetSpan(subject.Length + replyTo.Length + payload.Length + MaxDigits + 10);
        var at = Put(line, 0, "PUB "u8);
        at = Put(line, at, subject);
        line[at++] = (byte)' ';
        if (!replyTo.IsEmpty)
        {
            at = Put(line, at, replyTo);
            line[at++] = (byte)' ';
        }

        Utf8Formatter.TryFormat(payload.Length, line[at..], out var digits);
        at = Put(line, at + digits, "\r\n"u8);
        at = Put(line, at, payload);
        output.Advance(Put(line, at, "\r\n"u8));
    }

    /// <summary>SUB subject sid.</summary>
    public static void Subscribe(IBufferWriter<byte> output, ReadOnlySpan<byte> subject, int sid)
    {
        var line = output.GetSpan(subject.Length + MaxDigits + 10);
        var at = Put(line, 0, "SUB "u8);
        at = Put(line, at, subject);
        line[at++] = (byte)' ';
        Utf8Formatter.TryFormat(sid, line[at..], out var digits);
        output.Advance(Put(line, at + digits, "\r\n"u8));
    }

    /// <summary>Reads one piece and takes it off <paramref name="rest"/>; false when it is not complete.</summary>
    /// <exception cref="InvalidDataException">This is not NATS.</exception>
    public static bool TryRead(ref ReadOnlySpan<byte> rest, out NatsFrame frame)
    {
        frame = default;
        var end = rest.IndexOf("\r\n"u8);
        if (end < 0) return false;
        var line = rest[..end];
        var after = rest[(end + 2)..];
        if (line.StartsWith("MSG "u8)) return TryMessage(line[4..], after, ref rest, out frame);
        frame = line switch
        {
            _ when line.SequenceEqual("PING"u8) => new NatsFrame(NatsKind.Ping),
            _ when line.SequenceEqual("PONG"u8) => new NatsFrame(NatsKind.Pong),
            _ when line.SequenceEqual("+OK"u8) => new NatsFrame(NatsKind.Ok),
            _ when line.StartsWith("-ERR "u8) => new NatsFrame(NatsKind.Error, line[5..]),
            _ when line.StartsWith("INFO "u8) => new NatsFrame(NatsKind.Info, line[5..]),
            _ => throw Bad(line),
        };
        rest = after;
        return true;
    }

    // subject sid [reply-to] #bytes
    private static bool TryMessage(
        ReadOnlySpan<byte> line, ReadOnlySpan<byte> after, ref ReadOnlySpan<byte> rest, out NatsFrame frame)
    {
        frame = default;
        var whole = line;
        var subject = Word(line, out line);
        var sid = Word(line, out line);
        var replyTo = Word(line, out line);
        if (sid.IsEmpty || !Utf8Parser.TryParse(line, out int size, out var used) || used != line.Length || size < 0)
            throw Bad(whole);
        if (after.Length < size + 2) return false;
        frame = new NatsFrame(NatsKind.Message, after[..size], subject, replyTo);
        rest = after[(size + 2)..];
        return true;
    }

    // Up to the next blank, and what follows that; empty when there is none.
    private static ReadOnlySpan<byte> Word(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> left)
    {
        var end = line.IndexOf((byte)' ');
        left = line[(end + 1)..];
        return end < 0 ? default : line[..end];
    }

    private static InvalidDataException Bad(ReadOnlySpan<byte> line) =>
        new($"the server sent '{System.Text.Encoding.ASCII.GetString(line[..Math.Min(line.Length, 80)])}', which is not NATS");

    private static int Put(Span<byte> line, int at, ReadOnlySpan<byte> text)
    {
        text.CopyTo(line[at..]);
        return at + text.Length;
    }
}
