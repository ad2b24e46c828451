using System.Buffers;
using System.Numerics;

namespace Macula.Actors.Protocol;

/// <summary>Walks the map of a payload, every byte of it, and collects what is wrong.</summary>
/// <remarks>
/// <code>
/// while (map.Next())
/// {
///     if (map.Is(0, "topic"u8)) map.Text(ref topic);
///     else map.Skip();
/// }
/// return map.Ends(Names, required: 0b1, out error);
/// </code>
/// Each turn takes exactly one value. Of duplicate keys the last wins, its faults too. A fault of
/// MessagePack anywhere comes before faults of fields; of those the lowest index comes first.
/// </remarks>
internal ref struct MapReader
{
    private MsgPackCursor _cursor;
    private ReadOnlySpan<byte> _key;
    private int _entryStart;
    private int _valueStart;
    private uint _left;
    private int _inside;
    private bool _keyIsText;
    private bool _notAMap;
    private bool _broken;
    private uint _field;
    private uint _present;
    private uint _wrongKind;
    private uint _outOfRange;

    public MapReader(in ReadOnlySequence<byte> payload)
        : this(MsgPackCursor.Contiguous(payload))
    {
    }

    public MapReader(ReadOnlyMemory<byte> payload)
    {
        _cursor = new MsgPackCursor(payload);
        if (MsgPackCode.IsMap(_cursor.Peek()))
        {
            _broken = !_cursor.TryMap(out _left);
            _inside = 1;
            return;
        }

        _notAMap = true;
        _broken = !_cursor.Skip();
    }

    /// <summary>Moves to the next entry; false at the end and at malformed bytes.</summary>
    public bool Next()
    {
        if (_left == 0 || _broken) return false;

        _left--;
        _field = 0;
        _entryStart = _cursor.Position;
        var code = _cursor.Peek();
        _keyIsText = MsgPackCode.IsBin(code) || MsgPackCode.IsStr(code);
        if (_keyIsText)
        {
            _broken = !_cursor.TryBytes(out var start, out var length);
            _key = _cursor.Span(start, length);
        }
        else
        {
            Skip();
        }

        _valueStart = _cursor.Position;
        return !_broken;
    }

    /// <summary>Whether the entry's key is <paramref name="name"/>; the value taken next is then
    /// held against field <paramref name="index"/>, 0 to 31.</summary>
    public bool Is(int index, ReadOnlySpan<byte> name)
    {
        if (!_keyIsText || !_key.SequenceEqual(name)) return false;

        _field = 1u << index;
        _present |= _field;
        _wrongKind &= ~_field;
        _outOfRange &= ~_field;
        return true;
    }

    public void Skip() => _broken = !_cursor.Skip(_inside);

    public void Text(ref Utf8Text text)
    {
        ReadOnlyMemory<byte> bytes = default;
        if (TakeBytes(ref bytes)) text = new Utf8Text(bytes);
    }

    public void Bytes(ref ReadOnlyMemory<byte> bytes) => TakeBytes(ref bytes);

    /// <summary>Bytes of which there may be only so many.</summary>
    public void Bytes(ref ReadOnlyMemory<byte> bytes, int max)
    {
        if (TakeBytes(ref bytes) && bytes.Length > max) _outOfRange |= _field;
    }

    public void Node(ref NodeId id)
    {
        ReadOnlyMemory<byte> bytes = default;
        if (TakeBytes(ref bytes) && !NodeId.TryCreate(bytes.Span, out id)) _outOfRange |= _field;
    }

    public void Id(ref MessageId id)
    {
        ReadOnlyMemory<byte> bytes = default;
        if (TakeId(ref bytes)) id = new MessageId(bytes.Span);
    }

    public void Id(ref CallId id)
    {
        ReadOnlyMemory<byte> bytes = default;
        if (TakeId(ref bytes)) id = new CallId(bytes.Span);
    }

    public void Bool(ref bool value)
    {
        var code = _cursor.Peek();
        if (code is MsgPackCode.True or MsgPackCode.False) value = code == MsgPackCode.True;
        else _wrongKind |= _field;
        Skip();
    }

    /// <summary>Any integer of the wire, from min to max.</summary>
    public void Int<T>(ref T value, T min, T max)
        where T : struct, IBinaryInteger<T>
    {
        if (!MsgPackCode.IsInt(_cursor.Peek()))
        {
            SkipWrongKind();
            return;
        }

        _broken = !_cursor.TryInt(out var wide);
        if (_broken) return;

        if (wide < Int128.CreateChecked(min) || wide > Int128.CreateChecked(max))
            _outOfRange |= _field;
        else
            value = T.CreateTruncating(wide);
    }

    /// <summary>A 64-bit integer of either family.</summary>
    public void Int(ref Int128 value) => Int(ref value, Int128.MinValue, Int128.MaxValue);

    public void Raw(ref RawValue value)
    {
        var start = _cursor.Position;
        Skip();
        if (!_broken) value = new RawValue(_cursor.Since(start));
    }

    /// <summary>A value that will travel inside other maps, and must stay readable there.</summary>
    public void Raw(ref RawValue value, int maxDepth)
    {
        Raw(ref value);
        if (_broken) return;

        var again = new MsgPackCursor(value.Bytes);
        if (!again.Skip(ProtocolLimits.MaxDepth - maxDepth)) _outOfRange |= _field;
    }

    /// <summary>A map, to be read by a reader of its own; it is well-formed.</summary>
    public bool Map(ref RawValue value)
    {
        if (!MsgPackCode.IsMap(_cursor.Peek()))
        {
            SkipWrongKind();
            return false;
        }

        Raw(ref value);
        return !_broken;
    }

    public void Texts(ref IReadOnlyList<Utf8Text> texts)
    {
        if (!TakeList(out var count)) return;

        var list = new List<Utf8Text>((int)Math.Min(count, 8));
        _inside++;
        for (; count > 0 && !_broken; count--)
        {
            Utf8Text text = default;
            Text(ref text);
            list.Add(text);
        }

        _inside--;
        texts = list;
    }

    /// <summary>A list of maps, each to be read by a reader of its own.</summary>
    public bool Maps(ref List<RawValue> maps)
    {
        if (!TakeList(out var count)) return false;

        maps = [];
        _inside++;
        for (; count > 0 && !_broken; count--)
        {
            RawValue map = default;
            Map(ref map);
            maps.Add(map);
        }

        _inside--;
        return !_broken && (_wrongKind & _field) == 0;
    }

    /// <summary>The first byte of the entry's value.</summary>
    public readonly byte Peek() => _cursor.Peek();

    /// <summary>Takes the entry as it is, key and value.</summary>
    public void Entry(ref RawFieldsBuilder entries)
    {
        Skip();
        if (_broken) return;

        entries.Add(new RawField(
            new RawValue(_cursor.Slice(_entryStart, _valueStart - _entryStart)),
            new RawValue(_cursor.Since(_valueStart))));
    }

    /// <summary>Blames the current field for what is inside it.</summary>
    public void Blame(DecodeErrorCode code)
    {
        if (code == DecodeErrorCode.OutOfRange) _outOfRange |= _field;
        else if (code != DecodeErrorCode.None) _wrongKind |= _field;
    }

    /// <summary>The verdict. Bit i of <paramref name="required"/> is the field names[i].</summary>
    public readonly bool Ends(string[] names, uint required, out DecodeError error)
    {
        if (_broken || !_cursor.AtEnd) error = new DecodeError(DecodeErrorCode.MsgPack);
        else if (_notAMap) error = new DecodeError(DecodeErrorCode.NotAMap);
        else if (_wrongKind != 0) error = Fault(DecodeErrorCode.WrongKind, _wrongKind, names);
        else if (_outOfRange != 0) error = Fault(DecodeErrorCode.OutOfRange, _outOfRange, names);
        else if ((required & ~_present) != 0)
            error = Fault(DecodeErrorCode.MissingField, required & ~_present, names);
        else error = default;
        return error.Code == DecodeErrorCode.None;
    }

    /// <summary>Whether the field was there, sound or not.</summary>
    public readonly bool Has(int index) => (_present & (1u << index)) != 0;

    private static DecodeError Fault(DecodeErrorCode code, uint fields, string[] names) =>
        new(code, names[BitOperations.TrailingZeroCount(fields)]);

    private bool TakeId(ref ReadOnlyMemory<byte> bytes)
    {
        if (!TakeBytes(ref bytes)) return false;
        if (bytes.Length <= ProtocolLimits.MaxIdLength) return true;

        _outOfRange |= _field;
        return false;
    }

    // Kind first: what is no text may still be sound MessagePack.
    private bool TakeBytes(ref ReadOnlyMemory<byte> bytes)
    {
        var code = _cursor.Peek();
        if (!MsgPackCode.IsBin(code) && !MsgPackCode.IsStr(code))
        {
            SkipWrongKind();
            return false;
        }

        _broken = !_cursor.TryBytes(out var start, out var length);
        if (_broken) return false;

        bytes = _cursor.Slice(start, length);
        return true;
    }

    private bool TakeList(out uint count)
    {
        count = 0;
        var code = _cursor.Peek();
        if (!MsgPackCode.IsList(code))
        {
            SkipWrongKind();
            return false;
        }

        if (code == MsgPackCode.EmptyStr)
        {
            Skip();
            return true;
        }

        var ahead = _cursor;
        _broken = !ahead.TryArray(out count);
        if (_broken) return false;

        if (count > ProtocolLimits.MaxListLength)
        {
            Skip();
            _outOfRange |= _field;
            return false;
        }

        _cursor = ahead;
        return true;
    }

    private void SkipWrongKind()
    {
        _wrongKind |= _field;
        Skip();
    }
}
