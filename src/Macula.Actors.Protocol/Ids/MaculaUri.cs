namespace Macula.Actors.Protocol;

/// <summary>Names a node in a realm: <c>macula://realm/hex node id</c>.</summary>
/// <param name="Realm">Not empty, without a slash.</param>
/// <param name="NodeId">1 to 255 bytes, written in lower-case hex.</param>
public sealed record MaculaUri(string Realm, NodeId NodeId)
{
    private const string Scheme = "macula://";

    /// <summary>Reads a URI. The scheme is case-sensitive, there is one slash after the realm, the
    /// hex is of even length and not empty.</summary>
    public static bool TryParse(string? text, out MaculaUri uri)
    {
        uri = null!;
        if (text is null || !text.StartsWith(Scheme, StringComparison.Ordinal)) return false;

        var rest = text.AsSpan(Scheme.Length);
        var slash = rest.IndexOf('/');
        if (slash < 1 || !Hex.TryDecode(rest[(slash + 1)..], out var bytes)) return false;
        if (!NodeId.TryCreate(bytes, out var node)) return false;

        uri = new MaculaUri(rest[..slash].ToString(), node);
        return true;
    }

    public override string ToString() => $"{Scheme}{Realm}/{Hex.Encode(NodeId.Span)}";
}
