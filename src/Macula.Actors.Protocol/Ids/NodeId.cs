using System.Security.Cryptography;
using System.Text;

namespace Macula.Actors.Protocol;

/// <summary>Who a node is: 1 to 255 raw bytes, 32 random ones by default, often a readable name.
/// </summary>
/// <remarks>Owns its bytes. Equality is byte-wise, whatever the length; ids that are not 32 bytes
/// are hashed for distance only (<see cref="DhtKey.ForNode"/>). default is nobody: no bytes,
/// equal to itself alone, never decoded from the wire.</remarks>
public readonly struct NodeId : IEquatable<NodeId>
{
    /// <summary>Bytes of a random id.</summary>
    public const int DefaultLength = 32;

    private const string HexPrefix = "0x";

    private readonly byte[]? _bytes;

    /// <summary>An id of a copy of these bytes.</summary>
    /// <exception cref="ArgumentException">Not 1 to 255 bytes.</exception>
    public NodeId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes.Length > ProtocolLimits.MaxNodeIdLength)
            throw new ArgumentException(
                $"A node id has 1 to {ProtocolLimits.MaxNodeIdLength} bytes, not {bytes.Length}.",
                nameof(bytes));
        _bytes = bytes.ToArray();
    }

    public ReadOnlySpan<byte> Span => _bytes;

    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>Whether this is nobody.</summary>
    public bool IsEmpty => _bytes is null;

    /// <summary>32 bytes from the cryptographic generator.</summary>
    public static NodeId Random() => new(RandomNumberGenerator.GetBytes(DefaultLength));

    /// <summary>The id that <see cref="ToString"/> shows: 64 hex digits are 32 bytes, <c>0x</c> and
    /// hex digits are those bytes, any other text is its UTF-8.</summary>
    /// <exception cref="FormatException">No id: empty, too long, or not hex after 0x.</exception>
    public static NodeId Parse(string text) => TryParse(text, out var id)
        ? id
        : throw new FormatException(
            "A node id is 1 to 255 bytes: 64 hex digits, 0x and hex digits, or a text.");

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse(string? text, out NodeId id)
    {
        id = default;
        if (string.IsNullOrEmpty(text)) return false;

        byte[]? bytes;
        if (text.StartsWith(HexPrefix, StringComparison.Ordinal))
        {
            if (!Hex.TryDecode(text.AsSpan(HexPrefix.Length), out bytes)) return false;
        }
        else if (text.Length != 2 * DefaultLength || !Hex.TryDecode(text, out bytes))
        {
            bytes = Encoding.UTF8.GetBytes(text);
        }

        return TryCreate(bytes, out id);
    }

    /// <summary>An id of a copy of these bytes, or false if they are not 1 to 255.</summary>
    public static bool TryCreate(ReadOnlySpan<byte> bytes, out NodeId id)
    {
        id = default;
        if (bytes.IsEmpty || bytes.Length > ProtocolLimits.MaxNodeIdLength) return false;

        id = new NodeId(bytes);
        return true;
    }

    /// <summary>How far two nodes are from each other; see <see cref="DhtKey.DistanceTo"/>.
    /// </summary>
    public DhtDistance DistanceTo(NodeId other) =>
        DhtKey.ForNode(this).DistanceTo(DhtKey.ForNode(other));

    public bool Equals(NodeId other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is NodeId other && Equals(other);

    public override int GetHashCode() => KeyedHash.Of(Span);

    /// <summary>Printable ASCII as it is, otherwise hex; always what <see cref="Parse"/> takes.
    /// </summary>
    public override string ToString()
    {
        if (IsEmpty) return string.Empty;

        if (!Span.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e))
        {
            var text = Encoding.ASCII.GetString(Span);
            if (TryParse(text, out var same) && same == this) return text;
        }

        var hex = Convert.ToHexStringLower(Span);
        return Span.Length == DefaultLength ? hex : HexPrefix + hex;
    }

    public static bool operator ==(NodeId left, NodeId right) => left.Equals(right);

    public static bool operator !=(NodeId left, NodeId right) => !left.Equals(right);
}
