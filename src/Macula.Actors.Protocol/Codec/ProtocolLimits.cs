namespace Macula.Actors.Protocol;

/// <summary>Bounds of what is decoded. They keep a small frame from becoming a large object; the
/// size of a frame itself is the reader's limit.</summary>
public static class ProtocolLimits
{
    /// <summary>Nesting of maps and arrays anywhere in a payload.</summary>
    public const int MaxDepth = 256;

    /// <summary>Nesting of a stored value. Less, because replies carry it inside their own maps and
    /// lists: one record must not make the answer with all the others unreadable.</summary>
    public const int MaxStoredDepth = 64;

    /// <summary>Elements of a list of texts or nodes.</summary>
    public const int MaxListLength = 1024;

    /// <summary>Unknown fields of a PUBLISH, which are kept for relaying.</summary>
    public const int MaxExtraFields = 64;

    /// <summary>Bytes that an RPC_ROUTE puts around a CALL or REPLY, at most: two node ids, keys, and
    /// what the forms of keys and texts differ by. It may come on top of the largest frame.</summary>
    public const int MaxRouteOverhead = 1024;

    /// <summary>Bytes of a node id; at least 1.</summary>
    public const int MaxNodeIdLength = 255;

    /// <summary>Bytes of a DHT key or target.</summary>
    public const int MaxKeyLength = 255;

    /// <summary>Bytes of a message or call id. Ours have 16.</summary>
    public const int MaxIdLength = 64;
}
