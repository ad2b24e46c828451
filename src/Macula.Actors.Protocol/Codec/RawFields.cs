namespace Macula.Actors.Protocol;

/// <summary>An entry of a map that nobody here knows, key and value as they came.</summary>
public readonly record struct RawField(RawValue Key, RawValue Value);

/// <summary>The unknown entries of a map, to be sent on with it; sorted by key, each key once.
/// </summary>
/// <remarks>Slices of the payload they came in. default is none.</remarks>
public readonly struct RawFields
{
    private readonly RawField[]? _items;

    internal RawFields(RawField[] items) => _items = items;

    public int Count => _items?.Length ?? 0;

    public bool IsEmpty => Count == 0;

    public ReadOnlySpan<RawField> Items => _items;

    /// <summary>A copy that outlives the buffer.</summary>
    public RawFields ToOwned() => IsEmpty
        ? this
        : new RawFields(Array.ConvertAll(
            _items!, item => new RawField(item.Key.ToOwned(), item.Value.ToOwned())));
}

/// <summary>Collects entries; allocates with the first one only.</summary>
internal struct RawFieldsBuilder
{
    private List<RawField>? _items;

    /// <summary>More entries came than are kept.</summary>
    public bool Overflowed { get; private set; }

    public void Add(RawField item)
    {
        if (Overflowed) return; // the payload is lost; what else is in it must not cost more
        _items ??= [];
        var same = IndexOf(item.Key);
        if (same >= 0) _items[same] = item;
        else if (_items.Count == ProtocolLimits.MaxExtraFields) Overflowed = true;
        else _items.Add(item);
    }

    private readonly int IndexOf(RawValue key)
    {
        for (var i = 0; i < _items!.Count; i++)
            if (_items[i].Key == key) return i;
        return -1;
    }

    public readonly RawFields Build()
    {
        if (_items is null) return default;

        var items = _items.ToArray();
        Array.Sort(items, static (a, b) => PayloadWriter.CompareKeys(a.Key, b.Key));
        return new RawFields(items);
    }
}
