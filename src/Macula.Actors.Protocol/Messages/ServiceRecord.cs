namespace Macula.Actors.Protocol;

/// <summary>The value that a provider stores under the key of its service.</summary>
/// <param name="NodeId">The provider.</param>
/// <param name="Endpoint">Where it may be reached, <c>https://host:port</c>.</param>
/// <param name="Metadata">A map of anything; empty means the empty map.</param>
/// <param name="Ttl">Seconds it is valid for, from 0 to 2^31-1; 300 if missing.</param>
/// <param name="AdvertisedAt">Unix seconds, on a record that was advertised again.</param>
/// <param name="Procedure">Our extension, <c>procedure</c> on the wire: the name whose hash is the
/// key, for those who list services.</param>
/// <remarks>Subscriptions are stored in the same form without metadata and read as ones with none.
/// Texts and metadata are slices of the value that was read.</remarks>
public sealed record ServiceRecord(
    NodeId NodeId,
    Utf8Text Endpoint,
    RawValue Metadata = default,
    int Ttl = ServiceRecord.DefaultTtl,
    long? AdvertisedAt = null,
    Utf8Text? Procedure = null)
{
    /// <summary>Seconds.</summary>
    public const int DefaultTtl = 300;

    private const byte EmptyMap = 0x80;

    private static readonly string[] Names =
        ["node_id", "endpoint", "metadata", "ttl", "advertised_at", "procedure"];

    /// <summary>Reads a record; unknown fields are ignored.</summary>
    public static bool TryDecode(RawValue value, out ServiceRecord record, out DecodeError error)
    {
        NodeId node = default;
        Utf8Text endpoint = default;
        RawValue metadata = default;
        var ttl = DefaultTtl;
        var advertisedAt = 0L;
        Utf8Text procedure = default;

        var map = new MapReader(value.Bytes);
        while (map.Next())
        {
            if (map.Is(0, "node_id"u8)) map.Node(ref node);
            else if (map.Is(1, "endpoint"u8)) map.Text(ref endpoint);
            else if (map.Is(2, "metadata"u8)) map.Map(ref metadata);
            else if (map.Is(3, "ttl"u8)) map.Int(ref ttl, 0, int.MaxValue);
            else if (map.Is(4, "advertised_at"u8))
                map.Int(ref advertisedAt, long.MinValue, long.MaxValue);
            else if (map.Is(5, "procedure"u8)) map.Text(ref procedure);
            else map.Skip();
        }

        record = null!;
        if (!map.Ends(Names, required: 0b11, out error)) return false;

        record = new ServiceRecord(
            node, endpoint, metadata, ttl, map.Has(4) ? advertisedAt : null,
            map.Has(5) ? procedure : default(Utf8Text?));
        return true;
    }

    /// <summary>The record as a value, always with metadata and ttl.</summary>
    public RawValue Encode()
    {
        var measuring = PayloadWriter.Measuring();
        Write(ref measuring);
        var bytes = new byte[measuring.Length];
        var writer = new PayloadWriter(bytes);
        Write(ref writer);
        return new RawValue(bytes);
    }

    private void Write(ref PayloadWriter writer)
    {
        writer.Map(4 + (AdvertisedAt is null ? 0 : 1) + (Procedure is null ? 0 : 1));
        if (AdvertisedAt is { } advertisedAt)
        {
            writer.Bytes("advertised_at"u8);
            writer.Int(advertisedAt);
        }

        writer.Bytes("endpoint"u8);
        writer.Bytes(Endpoint.Span);
        writer.Bytes("metadata"u8);
        writer.Raw(Metadata.IsEmpty ? new RawValue(new byte[] { EmptyMap }) : Metadata);
        writer.Bytes("node_id"u8);
        writer.Bytes(NodeId.Span);
        if (Procedure is { } procedure)
        {
            writer.Bytes("procedure"u8);
            writer.Bytes(procedure.Span);
        }

        writer.Bytes("ttl"u8);
        writer.Int(Ttl);
    }
}
