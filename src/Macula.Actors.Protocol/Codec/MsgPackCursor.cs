using System.Buffers;
using System.Text.Unicode;
using static Nerdbank.MessagePack.MessagePackPrimitives;

namespace Macula.Actors.Protocol;

/// <summary>A place in one contiguous piece of MessagePack, moved value by value. Never throws on
/// what it reads, allocates nothing, and believes no declared length.</summary>
internal ref struct MsgPackCursor(ReadOnlyMemory<byte> memory)
{
    private readonly ReadOnlyMemory<byte> _memory = memory;
    private readonly ReadOnlySpan<byte> _span = memory.Span;
    private int _at;

    public readonly bool AtEnd => _at == _span.Length;

    public readonly int Position => _at;

    private readonly ReadOnlySpan<byte> Rest => _span[_at..];

    /// <summary>The bytes in one piece: the buffer itself, or a copy if it has seams.</summary>
    public static ReadOnlyMemory<byte> Contiguous(in ReadOnlySequence<byte> payload) =>
        payload.IsSingleSegment ? payload.First : payload.ToArray();

    /// <summary>The next value's first byte; 0xc1, which MessagePack never uses, at the end.
    /// </summary>
    public readonly byte Peek() => _at < _span.Length ? _span[_at] : (byte)0xc1;

    public readonly ReadOnlyMemory<byte> Slice(int start, int length) =>
        _memory.Slice(start, length);

    public readonly ReadOnlySpan<byte> Span(int start, int length) => _span.Slice(start, length);

    public readonly ReadOnlyMemory<byte> Since(int start) => _memory[start.._at];

    public bool TryMap(out uint count) =>
        Took(TryReadMapHeader(Rest, out count, out var size), size);

    public bool TryArray(out uint count) =>
        Took(TryReadArrayHeader(Rest, out count, out var size), size);

    /// <summary>A bin, or a str with valid UTF-8.</summary>
    public bool TryBytes(out int start, out int length)
    {
        start = length = 0;
        var code = Peek();
        uint declared;
        if (MsgPackCode.IsBin(code))
        {
            if (!Took(TryReadBinHeader(Rest, out declared, out var size), size)) return false;
        }
        else if (MsgPackCode.IsStr(code))
        {
            if (!Took(TryReadStringHeader(Rest, out declared, out var size), size)) return false;
            if (declared > (uint)Rest.Length) return false;
            if (!Utf8.IsValid(Rest[..(int)declared])) return false;
        }
        else
        {
            return false;
        }

        if (declared > (uint)Rest.Length) return false;

        (start, length) = (_at, (int)declared);
        _at += length;
        return true;
    }

    /// <summary>Any integer that MessagePack has.</summary>
    public bool TryInt(out Int128 value)
    {
        if (Peek() == MsgPackCode.UInt64)
        {
            var took = Took(TryRead(Rest, out ulong unsigned, out var size), size);
            value = unsigned;
            return took;
        }
        else
        {
            var took = Took(TryRead(Rest, out long signed, out var size), size);
            value = signed;
            return took;
        }
    }

    /// <summary>Moves past one value of any kind, all of it checked.</summary>
    /// <param name="inside">How many maps and lists it is inside of.</param>
    public bool Skip(int inside = 0) => SkipValue(ProtocolLimits.MaxDepth - inside);

    private bool SkipValue(int depth)
    {
        var code = Peek();
        if (MsgPackCode.IsStr(code) || MsgPackCode.IsBin(code)) return TryBytes(out _, out _);
        if (MsgPackCode.IsInt(code)) return TryInt(out _);
        if (MsgPackCode.IsMap(code))
            return TryMap(out var pairs) && SkipMany(2UL * pairs, depth);
        if (MsgPackCode.IsArray(code))
            return TryArray(out var count) && SkipMany(count, depth);
        return code switch
        {
            MsgPackCode.Nil or MsgPackCode.False or MsgPackCode.True => Advance(1),
            0xca => Advance(5),
            0xcb => Advance(9),
            _ => false,
        };
    }

    private bool SkipMany(ulong count, int depth)
    {
        // Every value has at least a byte, so a count above what is left is a lie.
        if (depth == 0 || count > (ulong)Rest.Length) return false;

        for (; count > 0; count--)
            if (!SkipValue(depth - 1)) return false;
        return true;
    }

    private bool Advance(int size)
    {
        if (size > Rest.Length) return false;

        _at += size;
        return true;
    }

    private bool Took(DecodeResult result, int size)
    {
        if (result != DecodeResult.Success) return false;

        _at += size;
        return true;
    }

    public static IReadOnlyList<RawValue>? Elements(RawValue value)
    {
        if (!value.IsList) return [value];

        var cursor = new MsgPackCursor(value.Bytes);
        if (cursor.Peek() == MsgPackCode.EmptyStr) return [];
        if (!cursor.TryArray(out var count) || count > ProtocolLimits.MaxListLength) return null;

        var elements = new List<RawValue>();
        for (; count > 0; count--)
        {
            var start = cursor.Position;
            if (!cursor.Skip()) return null;
            elements.Add(new RawValue(cursor.Since(start)));
        }

        return elements;
    }
}
