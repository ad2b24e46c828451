using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>CALL (0x20): a call of a procedure, answered by a <see cref="ReplyMessage"/>.
/// </summary>
/// <param name="Procedure">The name.</param>
/// <param name="Args">JSON text by custom.</param>
/// <param name="CallId">0 to 64 bytes, 16 by custom; unique per calling process only.</param>
/// <param name="Realm">The caller's realm; earlier clients send it, nobody needs it.</param>
/// <param name="Timeout">How long the caller waits, in milliseconds, 0 to 2^31-1; earlier clients
/// never send it.</param>
/// <remarks>Decoding allocates nothing as long as the payload is one segment; the texts and
/// <see cref="Args"/> are then slices of it, valid only as long as its buffer
/// (<see cref="ToOwned"/>).</remarks>
public readonly record struct CallMessage(
    Utf8Text Procedure,
    ReadOnlyMemory<byte> Args,
    CallId CallId,
    Utf8Text? Realm = null,
    int? Timeout = null) : IMessage
{
    private static readonly string[] Names =
        ["procedure", "args", "call_id", "realm", "timeout"];

    public FrameType Type => FrameType.Call;

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out CallMessage message, out DecodeError error)
    {
        Utf8Text procedure = default;
        ReadOnlyMemory<byte> args = default;
        CallId id = default;
        Utf8Text realm = default;
        var timeout = 0;

        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "procedure"u8)) map.Text(ref procedure);
            else if (map.Is(1, "args"u8)) map.Bytes(ref args);
            else if (map.Is(2, "call_id"u8)) map.Id(ref id);
            else if (map.Is(3, "realm"u8)) map.Text(ref realm);
            else if (map.Is(4, "timeout"u8)) map.Int(ref timeout, 0, int.MaxValue);
            else map.Skip();
        }

        message = default;
        if (!map.Ends(Names, required: 0b111, out error)) return false;

        message = new CallMessage(
            procedure, args, id, map.Has(3) ? realm : default(Utf8Text?), map.Has(4) ? timeout : null);
        return true;
    }

    /// <summary>A copy that outlives the buffer.</summary>
    public CallMessage ToOwned() => this with
    {
        Procedure = Procedure.ToOwned(),
        Args = Args.ToArray(),
        Realm = Realm?.ToOwned(),
    };

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(3 + (Realm is null ? 0 : 1) + (Timeout is null ? 0 : 1));
        writer.Bytes("args"u8);
        writer.Bytes(Args.Span);
        writer.Bytes("call_id"u8);
        writer.Id(CallId);
        writer.Bytes("procedure"u8);
        writer.Bytes(Procedure.Span);
        if (Realm is { } realm)
        {
            writer.Bytes("realm"u8);
            writer.Bytes(realm.Span);
        }

        if (Timeout is { } timeout)
        {
            writer.Bytes("timeout"u8);
            writer.Int(timeout);
        }
    }
}
