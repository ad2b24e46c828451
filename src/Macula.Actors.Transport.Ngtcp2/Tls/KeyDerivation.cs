using System.Security.Cryptography;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>Packet keys of a TLS secret (RFC 9001, section 5.1; RFC 8446, section 7.1).</summary>
internal static class KeyDerivation
{
    private const int Sha256Length = 32;
    private const int MostLabel = 32;

    private static ReadOnlySpan<byte> Prefix => "tls13 "u8;

    /// <param name="secret">Its length is that of the cipher suite's hash: SHA-256 or SHA-384.</param>
    /// <param name="label">Such as <c>quic key</c>.</param>
    public static void Expand(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, Span<byte> key)
    {
        Span<byte> info = stackalloc byte[4 + MostLabel];
        info[0] = (byte)(key.Length >> 8);
        info[1] = (byte)key.Length;
        info[2] = (byte)(Prefix.Length + label.Length);
        Prefix.CopyTo(info[3..]);
        label.CopyTo(info[(3 + Prefix.Length)..]);
        var length = 3 + Prefix.Length + label.Length;
        info[length] = 0; // no context
        var hash = secret.Length == Sha256Length ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA384;
        HKDF.Expand(hash, secret, key, info[..(length + 1)]);
    }
}
