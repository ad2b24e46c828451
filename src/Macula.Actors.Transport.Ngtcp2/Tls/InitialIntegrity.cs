using System.Buffers.Binary;
using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>Whether a client's first packet is as somebody made it, and not spoiled on the way: anybody can compute its
/// keys (RFC 9001, section 5.2).</summary>
internal static unsafe class InitialIntegrity
{
    private const int TagLength = 16;
    private const int SampleLength = 16;
    private const int MostNumberLength = 4;

    // Of QUIC version 1.
    private static ReadOnlySpan<byte> Salt =>
        [0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a];

    /// <param name="header">What the library read of it; with a token.</param>
    /// <param name="datagram">It and what follows.</param>
    public static bool IsWhole(PacketHeader* header, ReadOnlySpan<byte> datagram)
    {
        if (header->Version != QuicLibrary.QuicVersion1) return true; // other keys: not known here
        fixed (byte* start = datagram)
        {
            // The packet's length, in as many bytes as its first two bits say (RFC 9000, section 16), comes after the token.
            var lengthAt = (int)(header->Token.Base - start) + (int)header->Token.Length;
            var numberAt = lengthAt + (1 << (datagram[lengthAt] >> 6));
            var end = numberAt + (long)header->Length;
            if (end > datagram.Length || (int)header->Length < MostNumberLength + SampleLength) return false;
            return Decrypts(&header->DestinationId, datagram[..(int)end].ToArray(), numberAt);
        }
    }

    private static bool Decrypts(NativeCid* firstId, Span<byte> packet, int numberAt)
    {
        Span<byte> initial = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> secret = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> key = stackalloc byte[16];
        Span<byte> nonce = stackalloc byte[12];
        HKDF.Extract(HashAlgorithmName.SHA256, new ReadOnlySpan<byte>(firstId->Data, (int)firstId->Length), Salt, initial);
        KeyDerivation.Expand(initial, "client in"u8, secret);

        // Header protection (RFC 9001, section 5.4).
        KeyDerivation.Expand(secret, "quic hp"u8, key);
        Span<byte> mask = stackalloc byte[SampleLength];
        using (var cipher = Aes.Create())
        {
            cipher.SetKey(key);
            cipher.EncryptEcb(packet.Slice(numberAt + MostNumberLength, SampleLength), mask, PaddingMode.None);
        }

        packet[0] ^= (byte)(mask[0] & 0x0f);
        var numberLength = (packet[0] & 3) + 1;
        var number = 0u;
        for (var i = 0; i < numberLength; i++) number = (number << 8) | (packet[numberAt + i] ^= mask[1 + i]);

        KeyDerivation.Expand(secret, "quic key"u8, key);
        KeyDerivation.Expand(secret, "quic iv"u8, nonce);
        var low = nonce[^4..];
        BinaryPrimitives.WriteUInt32BigEndian(low, BinaryPrimitives.ReadUInt32BigEndian(low) ^ number);
        var body = packet[(numberAt + numberLength)..^TagLength];
        using var aead = new AesGcm(key, TagLength);
        try
        {
            aead.Decrypt(nonce, body, packet[^TagLength..], body, packet[..(numberAt + numberLength)]);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
