using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Macula.Actors.Fuzz;

/// <summary>Initial packets of a client that need not play by the rules (RFC 9000, section 17.2.2).</summary>
internal sealed record InitialPacket
{
    /// <summary>The least that a client's first datagram has (RFC 9000, section 14.1).</summary>
    public const int Padded = 1200;

    public const int IdLength = 16;

    public byte[] DestinationId { get; init; } = RandomNumberGenerator.GetBytes(IdLength);

    public byte[] SourceId { get; init; } = RandomNumberGenerator.GetBytes(IdLength);

    public byte[] Token { get; init; } = [];

    public uint Number { get; init; }

    /// <summary>The frames; the rest of the datagram is PADDING.</summary>
    public byte[] Frames { get; init; } = HelloBeginning;

    public int DatagramLength { get; init; } = Padded;

    /// <summary>Bits of the first byte that are set beside those of an Initial packet: reserved ones, perhaps.</summary>
    public byte FirstByte { get; init; }

    /// <summary>The first bytes of a ClientHello that never goes on: enough to leave a connection half open.</summary>
    public static byte[] HelloBeginning => Crypto(0, [1, 0, 2, 0]);

    /// <summary>A CRYPTO frame.</summary>
    public static byte[] Crypto(int offset, ReadOnlySpan<byte> data) =>
        [6, .. VariableLength.Write(offset), .. VariableLength.Write(data.Length), .. data];

    public byte[] ToDatagram()
    {
        byte[] start =
        [
            (byte)(0xc3 | FirstByte), 0, 0, 0, 1, (byte)DestinationId.Length, .. DestinationId, (byte)SourceId.Length,
            .. SourceId, .. VariableLength.Write(Token.Length), .. Token,
        ];
        var payload = new byte[Math.Max(DatagramLength - start.Length - 2 - 4 - 16, Math.Max(Frames.Length, 4))];
        Frames.CopyTo(payload, 0);
        var length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)(0x4000 | (4 + payload.Length + 16)));
        var number = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(number, Number);
        return InitialKeys.Client(DestinationId).Protect([.. start, .. length, .. number], Number, payload);
    }
}
