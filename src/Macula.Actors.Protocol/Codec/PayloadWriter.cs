using System.Diagnostics;
using static Nerdbank.MessagePack.MessagePackPrimitives;

namespace Macula.Actors.Protocol;

/// <summary>Writes a payload in the reference's dialect: texts and keys as bin, shortest integers.
/// A message is written twice, first without a destination to learn its length, which the frame
/// header has to announce.</summary>
/// <remarks>Keys must be written in the order of their bytes, then frames equal the reference's
/// byte for byte.</remarks>
internal ref struct PayloadWriter
{
    private readonly Span<byte> _span;
    private readonly bool _measuring;

    /// <summary>A writer that only counts.</summary>
    public static PayloadWriter Measuring() => new([], measuring: true);

    public PayloadWriter(Span<byte> destination)
        : this(destination, measuring: false)
    {
    }

    private PayloadWriter(Span<byte> span, bool measuring)
    {
        _span = span;
        _measuring = measuring;
    }

    /// <summary>Bytes written or counted so far.</summary>
    public int Length { get; private set; }

    public void Map(int count)
    {
        if (_measuring) Length += count < 16 ? 1 : count <= ushort.MaxValue ? 3 : 5;
        else Wrote(TryWriteMapHeader(_span[Length..], (uint)count, out var size), size);
    }

    /// <summary>The header of a list; an empty one is the reference's empty str.</summary>
    public void List(int count)
    {
        if (count == 0) Code(MsgPackCode.EmptyStr);
        else if (_measuring) Length += count < 16 ? 1 : count <= ushort.MaxValue ? 3 : 5;
        else Wrote(TryWriteArrayHeader(_span[Length..], (uint)count, out var size), size);
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        BytesHeader(bytes.Length);
        Raw(bytes);
    }

    public void Id(MessageId id)
    {
        BytesHeader(id.Length);
        if (!_measuring) id.CopyTo(_span[Length..]);
        Length += id.Length;
    }

    public void Id(CallId id)
    {
        BytesHeader(id.Length);
        if (!_measuring) id.CopyTo(_span[Length..]);
        Length += id.Length;
    }

    public void Int(Int128 value)
    {
        if (_measuring) Length += Size(value);
        else if (value > long.MaxValue)
            Wrote(TryWrite(_span[Length..], (ulong)value, out var size), size);
        else
            Wrote(TryWrite(_span[Length..], (long)value, out var size), size);
    }

    public void Bool(bool value) => Code(value ? MsgPackCode.True : MsgPackCode.False);

    public void Raw(RawValue value)
    {
        if (value.IsEmpty) Code(MsgPackCode.Nil);
        else Raw(value.Bytes.Span);
    }

    public void Texts(IReadOnlyList<Utf8Text> texts)
    {
        List(texts.Count);
        foreach (var text in texts) Bytes(text.Span);
    }

    /// <summary>Writes those of <paramref name="fields"/> whose key comes before
    /// <paramref name="key"/>, from number <paramref name="next"/> on.</summary>
    public void FieldsBefore(RawFields fields, ref int next, ReadOnlySpan<byte> key)
    {
        var items = fields.Items;
        while (next < items.Length &&
            (!IsBin(items[next].Key, out var other) || other.SequenceCompareTo(key) < 0))
        {
            Field(items[next++]);
        }
    }

    /// <summary>Writes the rest of <paramref name="fields"/>.</summary>
    public void FieldsAfter(RawFields fields, int next)
    {
        var items = fields.Items;
        while (next < items.Length) Field(items[next++]);
    }

    /// <summary>Bin keys by content, all others before them, as Erlang orders terms.</summary>
    internal static int CompareKeys(RawValue left, RawValue right)
    {
        var byFamily = IsBin(left, out var a).CompareTo(IsBin(right, out var b));
        return byFamily != 0 ? byFamily : a.SequenceCompareTo(b);
    }

    private static bool IsBin(RawValue key, out ReadOnlySpan<byte> content)
    {
        content = key.Bytes.Span;
        var cursor = new MsgPackCursor(key.Bytes);
        if (!MsgPackCode.IsBin(cursor.Peek())) return false;

        cursor.TryBytes(out var start, out var length);
        content = content.Slice(start, length);
        return true;
    }

    private void Field(RawField field)
    {
        Raw(field.Key.Bytes.Span);
        Raw(field.Value);
    }

    private void BytesHeader(int length)
    {
        if (_measuring) Length += length <= byte.MaxValue ? 2 : length <= ushort.MaxValue ? 3 : 5;
        else Wrote(TryWriteBinHeader(_span[Length..], (uint)length, out var size), size);
    }

    private void Raw(ReadOnlySpan<byte> bytes)
    {
        if (!_measuring) bytes.CopyTo(_span[Length..]);
        Length += bytes.Length;
    }

    private void Code(byte code)
    {
        if (!_measuring) _span[Length] = code;
        Length++;
    }

    private static int Size(Int128 value) => value < 0
        ? value >= -32 ? 1
            : value >= sbyte.MinValue ? 2
            : value >= short.MinValue ? 3
            : value >= int.MinValue ? 5 : 9
        : value <= sbyte.MaxValue ? 1
            : value <= byte.MaxValue ? 2
            : value <= ushort.MaxValue ? 3
            : value <= uint.MaxValue ? 5 : 9;

    private void Wrote(bool fits, int size)
    {
        Debug.Assert(fits, "measured before");
        Length += size;
    }
}
