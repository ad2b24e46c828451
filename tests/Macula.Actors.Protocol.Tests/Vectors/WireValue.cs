using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Nerdbank.MessagePack;

namespace Macula.Actors.Protocol.Tests;

/// <summary>The JSON form of a value in the vectors, to and from MessagePack; independent of the
/// code under test.</summary>
internal static class WireValue
{
    /// <summary>Packs a <c>fields</c> value; object keys in the order of their bytes.</summary>
    public static byte[] Encode(JsonElement fields, bool sorted = true)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(output);
        Write(ref writer, fields, sorted);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>A <c>fields</c> value as a text that says what is on the wire.</summary>
    public static string Show(JsonElement fields) => Show(Encode(fields, sorted: false));

    /// <summary>MessagePack as a text that says what is on the wire, entries in wire order.
    /// </summary>
    public static string Show(ReadOnlyMemory<byte> bytes)
    {
        var reader = new MessagePackReader(bytes);
        var text = Show(ref reader, reference: false);
        Assert.True(reader.End);
        return text;
    }

    /// <summary>MessagePack as the reference's decoder sees it: str is a list of code points, of
    /// duplicate keys the last wins, floats are one width, no order of entries.</summary>
    public static string ShowAsReference(ReadOnlyMemory<byte> bytes)
    {
        var reader = new MessagePackReader(bytes);
        return Show(ref reader, reference: true);
    }

    /// <summary>The <c>value</c> of a row in the same form as <see cref="ShowAsReference"/>.
    /// </summary>
    public static string ShowAsReference(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => List(value.EnumerateArray().Select(ShowAsReference)),
        JsonValueKind.Object => Tagged(value.EnumerateObject().First()),
        _ => value.GetRawText(),
    };

    private static string Tagged(JsonProperty tag) => tag.Name switch
    {
        "$bin" => "bin:" + tag.Value.GetString(),
        "$codepoints" => List(tag.Value.EnumerateArray().Select(c => c.GetRawText())),
        "$f64" => "f64:" + tag.Value.GetString(),
        "$special" => "f64:" + tag.Value.GetString() switch
        {
            "positive_infinity" => "7ff0000000000000",
            "negative_infinity" => "fff0000000000000",
            _ => "7ff8000000000000",
        },
        "$int" => tag.Value.GetString()!,
        "$map" => Map(tag.Value.EnumerateArray().Select(pair =>
            (ShowAsReference(pair[0]), ShowAsReference(pair[1])))),
        _ => throw new FormatException(tag.Name),
    };

    private static string List(IEnumerable<string> items) => $"[{string.Join(",", items)}]";

    private static string Map(IEnumerable<(string Key, string Value)> entries)
    {
        var last = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in entries) last[key] = value;
        return $"{{{string.Join(",", last.Select(entry => $"{entry.Key}={entry.Value}"))}}}";
    }

    private static void Write(ref MessagePackWriter writer, JsonElement value, bool sorted)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.True or JsonValueKind.False:
                writer.Write(value.GetBoolean());
                break;
            case JsonValueKind.Null:
                writer.WriteNil();
                break;
            case JsonValueKind.Number:
                WriteInt(ref writer, value.GetRawText());
                break;
            case JsonValueKind.Array:
                writer.WriteArrayHeader(value.GetArrayLength());
                foreach (var item in value.EnumerateArray()) Write(ref writer, item, sorted);
                break;
            default:
                WriteObject(ref writer, value, sorted);
                break;
        }
    }

    private static void WriteObject(ref MessagePackWriter writer, JsonElement value, bool sorted)
    {
        var tag = value.EnumerateObject().FirstOrDefault();
        switch (tag.Value.ValueKind == JsonValueKind.Undefined ? "" : tag.Name)
        {
            case "$bin":
                writer.Write(Convert.FromHexString(tag.Value.GetString()!));
                break;
            case "$bin_fill":
                var fill = new byte[tag.Value[1].GetInt32()];
                Array.Fill(fill, Convert.ToByte(tag.Value[0].GetString(), 16));
                writer.Write(fill);
                break;
            case "$str":
                writer.WriteString(Convert.FromHexString(tag.Value.GetString()!));
                break;
            case "$int":
                WriteInt(ref writer, tag.Value.GetString()!);
                break;
            case "$f64":
                var bits = Convert.ToInt64(tag.Value.GetString(), 16);
                writer.Write(BitConverter.Int64BitsToDouble(bits));
                break;
            case "$map":
                writer.WriteMapHeader(tag.Value.GetArrayLength());
                foreach (var pair in tag.Value.EnumerateArray())
                {
                    Write(ref writer, pair[0], sorted);
                    Write(ref writer, pair[1], sorted);
                }

                break;
            default:
                WriteFields(ref writer, value, sorted);
                break;
        }
    }

    private static void WriteFields(ref MessagePackWriter writer, JsonElement value, bool sorted)
    {
        var entries = value.EnumerateObject()
            .Select(entry => (Key: Encoding.UTF8.GetBytes(entry.Name), entry.Value)).ToList();
        if (sorted) entries.Sort((a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        writer.WriteMapHeader(entries.Count);
        foreach (var (key, item) in entries)
        {
            writer.Write(key);
            Write(ref writer, item, sorted);
        }
    }

    private static void WriteInt(ref MessagePackWriter writer, string text)
    {
        var value = Int128.Parse(text, CultureInfo.InvariantCulture);
        if (value > long.MaxValue) writer.Write((ulong)value);
        else writer.Write((long)value);
    }

    private static string Show(ref MessagePackReader reader, bool reference)
    {
        switch (reader.NextMessagePackType)
        {
            case MessagePackType.Nil:
                reader.ReadNil();
                return "null";
            case MessagePackType.Boolean:
                return reader.ReadBoolean() ? "true" : "false";
            case MessagePackType.Integer:
                return reader.NextCode == 0xcf
                    ? reader.ReadUInt64().ToString(CultureInfo.InvariantCulture)
                    : reader.ReadInt64().ToString(CultureInfo.InvariantCulture);
            case MessagePackType.Float:
                var bits = BitConverter.DoubleToInt64Bits(reader.ReadDouble());
                return "f64:" + bits.ToString("x16", CultureInfo.InvariantCulture);
            case MessagePackType.Binary:
                return "bin:" + Convert.ToHexStringLower(reader.ReadBytes()!.Value.ToArray());
            case MessagePackType.String:
                var text = reader.ReadString()!;
                return reference
                    ? List(text.EnumerateRunes().Select(rune =>
                        rune.Value.ToString(CultureInfo.InvariantCulture)))
                    : "str:" + text;
            case MessagePackType.Array:
                var items = new List<string>();
                for (var left = reader.ReadArrayHeader(); left > 0; left--)
                    items.Add(Show(ref reader, reference));
                return List(items);
            case MessagePackType.Map:
                var entries = new List<(string Key, string Value)>();
                for (var left = reader.ReadMapHeader(); left > 0; left--)
                    entries.Add((Show(ref reader, reference), Show(ref reader, reference)));
                return reference
                    ? Map(entries)
                    : $"{{{string.Join(",", entries.Select(e => $"{e.Key}={e.Value}"))}}}";
            default:
                throw new FormatException($"No value starts with {reader.NextCode:x2}.");
        }
    }
}
