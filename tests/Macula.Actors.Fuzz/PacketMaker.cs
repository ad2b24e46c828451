namespace Macula.Actors.Fuzz;

/// <summary>Packets that a listener should never see: garbage, spoiled and repeated copies of real ones, and Initial
/// packets in good order with frames that are not.</summary>
/// <param name="hello">Of a real client.</param>
/// <param name="real">Packets of the honest, to be spoiled.</param>
internal sealed class PacketMaker(Random random, InitialPacket hello, PacketMemory real)
{
    private const int LargestDatagram = 1452;

    // A connection of which several packets are sent, so that odd frames meet more than a beginning.
    private InitialPacket _current = new();

    public byte[] Next() => random.Next(12) switch
    {
        0 => Garbage(),
        1 => GarbageWithHeader(),
        2 => real.Pick(random) ?? Garbage(),
        3 or 4 => Spoiled(),
        5 => Cut(),
        6 => Coalesced(),
        7 => OddHello(),
        8 => OddInitial(),
        _ => OddFrames(),
    };

    private byte[] Garbage() => Bytes(random.Next(1, LargestDatagram));

    private byte[] GarbageWithHeader()
    {
        var packet = Bytes(random.Next(7, LargestDatagram));
        packet[0] |= 0xc0;
        new byte[] { 0, 0, 0, (byte)random.Next(3), (byte)random.Next(22) }.CopyTo(packet, 1);
        return packet;
    }

    private byte[] Spoiled()
    {
        if (real.Pick(random) is not { } packet) return Garbage();
        for (var i = random.Next(1, 4); i > 0; i--)
            packet[random.Next(random.Next(2) == 0 ? packet.Length : Math.Min(64, packet.Length))] = (byte)random.Next(256);
        return packet;
    }

    private byte[] Cut() => real.Pick(random) is { } packet ? packet[..random.Next(1, packet.Length + 1)] : Garbage();

    private byte[] Coalesced()
    {
        var (first, second) = (new InitialPacket { DatagramLength = 300 }.ToDatagram(), real.Pick(random) ?? Garbage());
        byte[] both = [.. first, .. second, .. new byte[Math.Max(0, InitialPacket.Padded - first.Length - second.Length)]];
        return both.Length <= 2 * LargestDatagram ? both : both[..LargestDatagram];
    }

    /// <summary>A real ClientHello with some bytes changed, whole or in pieces that overlap.</summary>
    private byte[] OddHello()
    {
        var frames = (byte[])hello.Frames.Clone();
        for (var i = random.Next(0, 4); i > 0; i--) frames[random.Next(4, frames.Length)] = (byte)random.Next(256);
        if (random.Next(3) > 0) return (Fresh() with { Frames = frames }).ToDatagram();
        var body = frames.AsSpan(4);
        var (a, b) = (random.Next(body.Length), random.Next(body.Length));
        return (Fresh() with
        {
            Frames = [.. InitialPacket.Crypto(a, body[a..]), .. InitialPacket.Crypto(0, body[..Math.Max(1, b)])],
        }).ToDatagram();
    }

    /// <summary>Odd around the frames: ids, token, number, reserved bits, size.</summary>
    private byte[] OddInitial() => new InitialPacket
    {
        DestinationId = Bytes(random.Next(0, 21)),
        SourceId = Bytes(random.Next(0, 21)),
        Token = random.Next(2) == 0 ? [] : [(byte)(random.Next(2) == 0 ? 0xb7 : random.Next(256)), .. Bytes(random.Next(200))],
        Number = (uint)random.Next(),
        FirstByte = (byte)random.Next(256),
        Frames = random.Next(2) == 0 ? hello.Frames : InitialPacket.HelloBeginning,
        DatagramLength = random.Next(2) == 0 ? InitialPacket.Padded : random.Next(40, LargestDatagram),
    }.ToDatagram();

    private byte[] OddFrames()
    {
        // Now and then a new connection, with a beginning that keeps it.
        if (_current.Number > 8 || random.Next(6) == 0)
        {
            _current = Fresh() with { Frames = random.Next(2) == 0 ? hello.Frames : InitialPacket.HelloBeginning };
            return _current.ToDatagram();
        }

        _current = _current with
        {
            Number = _current.Number + (uint)(random.Next(4) == 0 ? random.Next(1 << 20) : 1),
            Frames = OddFrame.Several(random),
        };
        return _current.ToDatagram();
    }

    private InitialPacket Fresh() => new() { DestinationId = Bytes(random.Next(8, 21)), SourceId = Bytes(random.Next(0, 21)) };

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
