using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Macula.Actors.Protocol;

/// <summary>Encodings of a realm beside its plain name, which is what CONNECT carries.</summary>
public static class RealmId
{
    /// <summary>SHA-256 of the name, 32 bytes.</summary>
    public static byte[] ForName(Utf8Text realm) => SHA256.HashData(realm.Span);

    /// <summary>The name after its length as 2 big-endian bytes.</summary>
    /// <exception cref="ArgumentException">A name above 65535 bytes.</exception>
    public static byte[] ToPrefixed(Utf8Text realm)
    {
        if (realm.Length > ushort.MaxValue)
            throw new ArgumentException("A realm name has at most 65535 bytes.", nameof(realm));

        var bytes = new byte[2 + realm.Length];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)realm.Length);
        realm.Span.CopyTo(bytes.AsSpan(2));
        return bytes;
    }
}
