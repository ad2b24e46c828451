using System.Text;

namespace Macula.Actors.Protocol;

/// <summary>Maps of text to text, which is what the metadata of a service usually is.</summary>
public static class TextMap
{
    /// <summary>The entries as one value, in the order of their keys' bytes.</summary>
    public static RawValue Encode(IEnumerable<KeyValuePair<string, string>> entries)
    {
        var sorted = entries
            .Select(entry => (Key: (Utf8Text)entry.Key, Value: (Utf8Text)entry.Value)).ToList();
        sorted.Sort((a, b) => a.Key.Span.SequenceCompareTo(b.Key.Span));

        var measuring = PayloadWriter.Measuring();
        Write(sorted, ref measuring);
        var bytes = new byte[measuring.Length];
        var writer = new PayloadWriter(bytes);
        Write(sorted, ref writer);
        return new RawValue(bytes);
    }

    /// <summary>The entries of a map whose key and value are texts; others are left out, of
    /// duplicates the last wins. Empty for anything but a map, and for a map of more than
    /// <see cref="ProtocolLimits.MaxListLength"/> entries.</summary>
    public static IReadOnlyDictionary<string, string> Decode(RawValue value)
    {
        var entries = new Dictionary<string, string>();
        var cursor = new MsgPackCursor(value.Bytes);
        if (!MsgPackCode.IsMap(cursor.Peek()) || !cursor.TryMap(out var count)) return entries;
        if (count > ProtocolLimits.MaxListLength) return entries;

        for (; count > 0; count--)
        {
            var sound = TryText(ref cursor, out var key);
            sound &= TryText(ref cursor, out var text);
            if (sound) entries[key] = text;
        }

        return entries;
    }

    private static bool TryText(ref MsgPackCursor cursor, out string text)
    {
        var code = cursor.Peek();
        text = string.Empty;
        if (!MsgPackCode.IsBin(code) && !MsgPackCode.IsStr(code))
        {
            cursor.Skip();
            return false;
        }

        if (!cursor.TryBytes(out var start, out var length)) return false;

        text = Encoding.UTF8.GetString(cursor.Span(start, length));
        return true;
    }

    private static void Write(List<(Utf8Text Key, Utf8Text Value)> entries, ref PayloadWriter writer)
    {
        writer.Map(entries.Count);
        foreach (var (key, value) in entries)
        {
            writer.Bytes(key.Span);
            writer.Bytes(value.Span);
        }
    }
}
