namespace Macula.Actors.Fuzz;

/// <summary>Frames in good order that do not belong where they are, or say what cannot be (RFC 9000, section 19).
/// </summary>
internal static class OddFrame
{
    private const long Most = (1L << 62) - 1;

    public static byte[] Several(Random random)
    {
        List<byte> frames = [];
        for (var i = random.Next(1, 5); i > 0 && frames.Count < 900; i--) frames.AddRange(One(random));
        return [.. frames];
    }

    private static byte[] One(Random random) => random.Next(16) switch
    {
        0 => [1], // PING
        1 => Ack(random),
        2 => InitialPacket.Crypto((int)Number(random, 1 << 17), Bytes(random, random.Next(0, 300))),
        3 => InitialPacket.Crypto(random.Next(600), Bytes(random, random.Next(1, 300))),
        4 => [0x1c, .. Var(random), .. Var(random), .. Text(random)], // CONNECTION_CLOSE
        5 => [0x1d, .. Var(random), .. Text(random)], // of the application: not in Initial packets
        6 => [(byte)(0x08 | random.Next(8)), .. Var(random), .. Var(random), .. Var(random), .. Bytes(random, 20)], // STREAM
        7 => [0x10, .. Var(random)], // MAX_DATA
        8 => [0x18, .. Var(random), .. Var(random), (byte)random.Next(25), .. Bytes(random, 40)], // NEW_CONNECTION_ID
        9 => [0x07, .. Text(random)], // NEW_TOKEN
        10 => [0x1e], // HANDSHAKE_DONE
        11 => [0x1a, .. Bytes(random, 8)], // PATH_CHALLENGE
        12 => [0x04, .. Var(random), .. Var(random), .. Var(random)], // RESET_STREAM
        13 => [0x19, .. Var(random)], // RETIRE_CONNECTION_ID
        14 => [.. VariableLength.Write(Number(random, Most)), .. Bytes(random, 10)], // an unknown type
        _ => new byte[random.Next(1, 50)], // PADDING
    };

    private static byte[] Ack(Random random)
    {
        List<byte> frame = [(byte)(2 + random.Next(2)), .. Var(random), .. Var(random)];
        var ranges = random.Next(0, 6);
        frame.AddRange(VariableLength.Write(random.Next(8) == 0 ? Number(random, Most) : ranges));
        frame.AddRange(Var(random));
        for (var i = 0; i < ranges; i++) frame.AddRange([.. Var(random), .. Var(random)]);
        if (frame[0] == 3) frame.AddRange([.. Var(random), .. Var(random), .. Var(random)]); // ECN counts
        return [.. frame];
    }

    private static byte[] Text(Random random)
    {
        var length = random.Next(0, 60);
        return [.. VariableLength.Write(random.Next(8) == 0 ? Number(random, Most) : length), .. Bytes(random, length)];
    }

    private static byte[] Var(Random random) => VariableLength.Write(Number(random, Most));

    /// <summary>Small ones, those about a power of two and the largest come often.</summary>
    private static long Number(Random random, long most) => random.Next(4) switch
    {
        0 => random.Next(4),
        1 => Math.Clamp((1L << random.Next(62)) + random.Next(-1, 2), 0, most),
        2 => most - random.Next(2),
        _ => random.NextInt64(most),
    };

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
