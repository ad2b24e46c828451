using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>What went wrong with a call.</summary>
/// <param name="Code">Stable snake_case text, one of <see cref="ReplyErrorCodes"/> from us.</param>
/// <param name="Message">A sentence for people.</param>
public readonly record struct ReplyError(Utf8Text Code, Utf8Text Message);

/// <summary>REPLY (0x21): the end of a call, its result or its error.</summary>
/// <param name="CallId">As in the CALL.</param>
/// <param name="Result">JSON text by custom; empty when there is an error.</param>
/// <param name="Error">Set if the call failed.</param>
/// <remarks>A reply that has both counts as a result, as earlier clients take it. An error that is
/// a text instead of a map has that text as code. Decoding allocates nothing as long as the
/// payload is one segment; texts and bytes are then slices of it, valid only as long as its buffer
/// (<see cref="ToOwned"/>).</remarks>
public readonly record struct ReplyMessage(
    CallId CallId,
    ReadOnlyMemory<byte> Result,
    ReplyError? Error = null) : IMessage
{
    private static readonly string[] Names = ["call_id", "result", "error"];
    private static readonly string[] ErrorNames = ["code", "message"];

    public FrameType Type => FrameType.Reply;

    /// <summary>Whether there is a result.</summary>
    public bool IsSuccess => Error is null;

    /// <summary>A reply that says why there is no result.</summary>
    public static ReplyMessage Failed(CallId call, Utf8Text code, Utf8Text message) =>
        new(call, default, new ReplyError(code, message));

    /// <summary>Reads a payload; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in ReadOnlySequence<byte> payload, out ReplyMessage message, out DecodeError error)
    {
        CallId id = default;
        ReadOnlyMemory<byte> result = default;
        ReplyError failure = default;

        var map = new MapReader(payload);
        while (map.Next())
        {
            if (map.Is(0, "call_id"u8)) map.Id(ref id);
            else if (map.Is(1, "result"u8)) map.Bytes(ref result);
            else if (map.Is(2, "error"u8)) Failure(ref map, ref failure);
            else map.Skip();
        }

        message = default;
        var required = map.Has(2) ? 0b001u : 0b011u;
        if (!map.Ends(Names, required, out error)) return false;

        message = map.Has(1)
            ? new ReplyMessage(id, result)
            : new ReplyMessage(id, default, failure);
        return true;
    }

    /// <summary>A copy that outlives the buffer.</summary>
    public ReplyMessage ToOwned() => this with
    {
        Result = Result.ToArray(),
        Error = Error is { } error
            ? new ReplyError(error.Code.ToOwned(), error.Message.ToOwned())
            : null,
    };

    void IMessage.Write(ref PayloadWriter writer)
    {
        writer.Map(2);
        writer.Bytes("call_id"u8);
        writer.Id(CallId);
        if (Error is { } error)
        {
            writer.Bytes("error"u8);
            writer.Map(2);
            writer.Bytes("code"u8);
            writer.Bytes(error.Code.Span);
            writer.Bytes("message"u8);
            writer.Bytes(error.Message.Span);
        }
        else
        {
            writer.Bytes("result"u8);
            writer.Bytes(Result.Span);
        }
    }

    private static void Failure(ref MapReader map, ref ReplyError failure)
    {
        failure = default;
        if (!MsgPackCode.IsMap(map.Peek()))
        {
            Utf8Text text = default;
            map.Text(ref text);
            failure = new ReplyError(text, default);
            return;
        }

        RawValue raw = default;
        if (!map.Map(ref raw)) return;

        Utf8Text code = default;
        Utf8Text sentence = default;
        var inner = new MapReader(raw.Bytes);
        while (inner.Next())
        {
            if (inner.Is(0, "code"u8)) inner.Text(ref code);
            else if (inner.Is(1, "message"u8)) inner.Text(ref sentence);
            else inner.Skip();
        }

        inner.Ends(ErrorNames, required: 0, out var fault);
        map.Blame(fault.Code);
        failure = new ReplyError(code, sentence);
    }
}
