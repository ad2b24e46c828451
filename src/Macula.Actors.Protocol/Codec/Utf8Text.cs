using System.Text;

namespace Macula.Actors.Protocol;

/// <summary>A text as its UTF-8 bytes: topics, patterns, procedures, realms.</summary>
/// <remarks>Equality and hash are byte-wise. Bytes are not checked to be UTF-8, as the reference
/// does not; <see cref="ToString"/> shows what is not as U+FFFD. A text of a decoded message is a
/// slice of its payload: keep <see cref="ToOwned"/>. default is the empty text.</remarks>
public readonly struct Utf8Text(ReadOnlyMemory<byte> bytes) : IEquatable<Utf8Text>
{
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public ReadOnlySpan<byte> Span => Bytes.Span;

    /// <summary>Length in bytes.</summary>
    public int Length => Bytes.Length;

    public bool IsEmpty => Bytes.IsEmpty;

    /// <summary>A copy that outlives the buffer.</summary>
    public Utf8Text ToOwned() => new(Bytes.ToArray());

    public static implicit operator Utf8Text(string text) => FromString(text);

    public static Utf8Text FromString(string text) => new(Encoding.UTF8.GetBytes(text));

    public bool Equals(Utf8Text other) => Span.SequenceEqual(other.Span);

    public bool Equals(ReadOnlySpan<byte> utf8) => Span.SequenceEqual(utf8);

    public override bool Equals(object? obj) => obj is Utf8Text other && Equals(other);

    public override int GetHashCode() => KeyedHash.Of(Span);

    public override string ToString() => Encoding.UTF8.GetString(Span);

    public static bool operator ==(Utf8Text left, Utf8Text right) => left.Equals(right);

    public static bool operator !=(Utf8Text left, Utf8Text right) => !left.Equals(right);
}
