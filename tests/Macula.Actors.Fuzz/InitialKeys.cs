using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Macula.Actors.Fuzz;

/// <summary>The keys of Initial packets, which anybody can compute from the client's first connection id (RFC 9001,
/// section 5.2).</summary>
internal sealed class InitialKeys
{
    private const int TagLength = 16;
    private const int SampleLength = 16;

    private static readonly byte[] Salt = Convert.FromHexString("38762cf7f55934b34d179ae6a4c80cadccbb7f0a");

    private readonly byte[] _key;
    private readonly byte[] _iv;
    private readonly byte[] _headerKey;

    private InitialKeys(ReadOnlySpan<byte> firstId, string side)
    {
        var initial = HKDF.Extract(HashAlgorithmName.SHA256, firstId.ToArray(), Salt);
        var secret = Expand(initial, side, 32);
        _key = Expand(secret, "quic key", 16);
        _iv = Expand(secret, "quic iv", 12);
        _headerKey = Expand(secret, "quic hp", 16);
    }

    public static InitialKeys Client(ReadOnlySpan<byte> firstId) => new(firstId, "client in");

    public static InitialKeys Server(ReadOnlySpan<byte> firstId) => new(firstId, "server in");

    /// <summary>Encrypts a payload and protects the header (RFC 9001, sections 5.3 and 5.4).</summary>
    /// <param name="header">Up to and with the packet number, which takes 4 bytes.</param>
    public byte[] Protect(ReadOnlySpan<byte> header, uint packetNumber, ReadOnlySpan<byte> payload)
    {
        var packet = new byte[header.Length + payload.Length + TagLength];
        header.CopyTo(packet);
        using (var aead = new AesGcm(_key, TagLength))
            aead.Encrypt(
                Nonce(packetNumber), payload, packet.AsSpan(header.Length, payload.Length),
                packet.AsSpan(header.Length + payload.Length), header);
        var numberAt = header.Length - 4;
        var mask = Mask(packet.AsSpan(numberAt + 4, SampleLength));
        packet[0] ^= (byte)(mask[0] & 0x0f);
        for (var i = 0; i < 4; i++) packet[numberAt + i] ^= mask[1 + i];
        return packet;
    }

    /// <summary>The payload of a packet, or null when it does not decrypt.</summary>
    public byte[]? Unprotect(ReadOnlySpan<byte> packet, int numberAt, int end)
    {
        var open = packet[..end].ToArray();
        var mask = Mask(open.AsSpan(numberAt + 4, SampleLength));
        open[0] ^= (byte)(mask[0] & 0x0f);
        var numberLength = (open[0] & 3) + 1;
        var number = 0u;
        for (var i = 0; i < numberLength; i++)
        {
            open[numberAt + i] ^= mask[1 + i];
            number = (number << 8) | open[numberAt + i];
        }

        var start = numberAt + numberLength;
        var payload = new byte[end - start - TagLength];
        try
        {
            using var aead = new AesGcm(_key, TagLength);
            aead.Decrypt(
                Nonce(number), open.AsSpan(start, payload.Length), open.AsSpan(end - TagLength, TagLength), payload,
                open.AsSpan(0, start));
            return payload;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private byte[] Nonce(uint packetNumber)
    {
        var nonce = (byte[])_iv.Clone();
        var tail = nonce.AsSpan(8);
        BinaryPrimitives.WriteUInt32BigEndian(tail, BinaryPrimitives.ReadUInt32BigEndian(tail) ^ packetNumber);
        return nonce;
    }

    private byte[] Mask(ReadOnlySpan<byte> sample)
    {
        using var aes = Aes.Create();
        aes.Key = _headerKey;
        return aes.EncryptEcb(sample, PaddingMode.None);
    }

    private static byte[] Expand(byte[] secret, string label, int length)
    {
        var name = Encoding.ASCII.GetBytes($"tls13 {label}");
        byte[] info = [(byte)(length >> 8), (byte)length, (byte)name.Length, .. name, 0];
        return HKDF.Expand(HashAlgorithmName.SHA256, secret, length, info);
    }
}
