using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Memory and system call to send many packets at once (sendmmsg with GSO).</summary>
/// <remarks>A packet is written in place at <see cref="Next"/>, then added. Packets that follow one another to one
/// address, with one ECN mark and the first one's size, share a message; the last of them may be shorter.</remarks>
internal sealed unsafe class SendBatch : IDisposable
{
    /// <summary>The largest packet; fits IPv4 and IPv6 over Ethernet.</summary>
    public const int LargestPacket = 1452;

    private const int Messages = 32;
    private const int MessageRoom = 64 * 1024;
    private const int LargestMessage = 65_000;
    private const int MostSegments = 64;
    private const int ControlRoom = 128;
    private const int MostRetries = 20;
    private const long RetryWaitNanoseconds = 1_000_000;

    private readonly UdpSocket _socket;
    private readonly TransportMetrics _metrics;
    private readonly byte* _data = (byte*)NativeMemory.Alloc(Messages * MessageRoom);
    private readonly byte* _names = (byte*)NativeMemory.AllocZeroed(Messages * SocketAddresses.Room);
    private readonly byte* _control = (byte*)NativeMemory.AllocZeroed(Messages * ControlRoom);
    private readonly IoVector* _vectors = (IoVector*)NativeMemory.AllocZeroed(Messages, (nuint)sizeof(IoVector));
    private readonly MultiMessageHeader* _messages =
        (MultiMessageHeader*)NativeMemory.AllocZeroed(Messages, (nuint)sizeof(MultiMessageHeader));

    private readonly byte* _locals = (byte*)NativeMemory.AllocZeroed(Messages * SocketAddresses.Room);
    private readonly bool[] _segmented = new bool[Messages];
    private readonly int[] _segments = new int[Messages];

    private int _count; // finished messages
    private int _used; // bytes in the message being filled
    private int _segment; // size of its packets
    private byte _ecn;
    private bool _full;
    private int _packets; // since the last flush
    private long _bytes;

    public SendBatch(UdpSocket socket, TransportMetrics metrics) => (_socket, _metrics) = (socket, metrics);

    /// <summary>Where to write the next packet; there is room for <see cref="LargestPacket"/>.</summary>
    public byte* Next()
    {
        if (_full || _used + LargestPacket > LargestMessage) Finish();
        if (_count == Messages) Flush();
        return _data + (_count * MessageRoom) + _used;
    }

    /// <summary>The packet at <see cref="Next"/> is complete.</summary>
    public void Add(int length, NativePath* path, byte ecn)
    {
        if (_used > 0 && !FitsMessage(length, path, ecn)) MoveToNextMessage(length);
        if (_used == 0)
        {
            _segment = length;
            _ecn = ecn;
            ref var header = ref _messages[_count].Header;
            header.Name = _names + (_count * SocketAddresses.Room);
            header.NameLength = path->Remote.Length;
            SocketAddresses.Span(path->Remote).CopyTo(new Span<byte>(header.Name, SocketAddresses.Room));
            SocketAddresses.Span(path->Local).CopyTo(new Span<byte>(LocalOf(_count), SocketAddresses.Room));
        }

        _used += length;
        _packets++;
        _bytes += length;
        _full = length < _segment || !_socket.SegmentationOffload || _used / _segment >= MostSegments;
    }

    /// <summary>Copies a packet in.</summary>
    public void Add(ReadOnlySpan<byte> packet, NativePath* path)
    {
        packet.CopyTo(new Span<byte>(Next(), LargestPacket));
        Add(packet.Length, path, ecn: 0);
    }

    /// <summary>Sends all. What the kernel does not take is dropped; for QUIC that is loss.</summary>
    public void Flush()
    {
        Finish();
        if (_count == 0) return;
        _metrics.Sent(_packets, _bytes);
        (_packets, _bytes) = (0, 0);
        var (sent, retries) = (0, 0);
        while (sent < _count)
        {
            var taken = SystemLibrary.SendMessages(
                _socket.Descriptor, _messages + sent, (uint)(_count - sent), SystemLibrary.MessageDontWait);
            if (taken > 0)
            {
                sent += taken;
                continue;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case SystemLibrary.ErrorInterrupted:
                    break;
                case SystemLibrary.ErrorAgain when retries++ < MostRetries:
                    WaitForRoom();
                    break;
                case SystemLibrary.ErrorIo or SystemLibrary.ErrorInvalid when _segmented[sent]:
                    // Either this device cannot, or a probe for a larger packet size was in the message.
                    if (SendApart(ref _messages[sent].Header)) _socket.SegmentationOffload = false;
                    sent++;
                    break;
                case SystemLibrary.ErrorAgain:
                    for (; sent < _count; sent++) _metrics.Drop(DropReason.SendBufferFull, PacketsIn(sent));
                    break;
                default:
                    _metrics.Drop(DropReason.SendFailed, PacketsIn(sent));
                    sent++; // that address cannot be reached, or the probe was too large
                    break;
            }
        }

        _count = 0;
    }

    public void Dispose()
    {
        Poison.Free(_data, Messages * MessageRoom);
        Poison.Free(_names, Messages * SocketAddresses.Room);
        Poison.Free(_locals, Messages * SocketAddresses.Room);
        Poison.Free(_control, Messages * ControlRoom);
        Poison.Free(_vectors, Messages * (nuint)sizeof(IoVector));
        Poison.Free(_messages, Messages * (nuint)sizeof(MultiMessageHeader));
    }

    private int PacketsIn(int message) => (int)((_messages[message].Header.Vectors->Length + (nuint)_segments[message] - 1)
        / (nuint)_segments[message]);

    private byte* LocalOf(int message) => _locals + (message * SocketAddresses.Room);

    private bool FitsMessage(int length, NativePath* path, byte ecn)
    {
        if (length > _segment || ecn != _ecn) return false;
        ref var header = ref _messages[_count].Header;
        var remote = SocketAddresses.Span(path->Remote);
        var local = SocketAddresses.Span(path->Local);
        return remote.SequenceEqual(new ReadOnlySpan<byte>(header.Name, (int)header.NameLength)) &&
            local.SequenceEqual(new ReadOnlySpan<byte>(LocalOf(_count), local.Length));
    }

    private void MoveToNextMessage(int length)
    {
        Span<byte> packet = stackalloc byte[LargestPacket];
        packet = packet[..length];
        new ReadOnlySpan<byte>(_data + (_count * MessageRoom) + _used, length).CopyTo(packet);
        Finish();
        packet.CopyTo(new Span<byte>(Next(), LargestPacket));
    }

    /// <summary>Ends the message being filled.</summary>
    private void Finish()
    {
        if (_used == 0) return;
        _vectors[_count].Base = _data + (_count * MessageRoom);
        _vectors[_count].Length = (nuint)_used;
        ref var header = ref _messages[_count].Header;
        header.Vectors = _vectors + _count;
        header.VectorCount = 1;
        header.Control = _control + (_count * ControlRoom);
        header.ControlLength = WriteControl((byte*)header.Control);
        if (header.ControlLength == 0) header.Control = null;
        _segmented[_count] = _used > _segment;
        _segments[_count] = _segment;
        _count++;
        _used = 0;
        _full = false;
    }

    private nuint WriteControl(byte* start)
    {
        var end = start;
        if (_ecn != 0)
        {
            if (_socket.IsIPv6) end = Append(end, SystemLibrary.LevelIpv6, SystemLibrary.Ipv6TrafficClass, (int)_ecn);
            else end = Append(end, SystemLibrary.LevelIp, SystemLibrary.IpTos, (int)_ecn);
        }

        if (_socket.KnowsDestination) end = AppendSource(end);
        if (_used > _segment) end = Append(end, SystemLibrary.LevelUdp, SystemLibrary.UdpSegment, (ushort)_segment);
        return (nuint)(end - start);
    }

    /// <summary>Answers go out from the address the peer knows.</summary>
    private byte* AppendSource(byte* end)
    {
        var local = new NativeAddress { SocketAddress = LocalOf(_count), Length = _socket.LocalAddress.Length };
        var ip = SocketAddresses.Ip(local);
        if (!ip.ContainsAnyExcept((byte)0)) return end;
        if (!_socket.IsIPv6)
        {
            var ipv4 = new Ipv4PacketInfo { Local = MemoryMarshal.Read<uint>(ip) };
            return Append(end, SystemLibrary.LevelIp, SystemLibrary.IpPacketInfo, ipv4);
        }

        Ipv6PacketInfo ipv6 = default;
        ip.CopyTo(new Span<byte>(ipv6.Address, 16));
        return Append(end, SystemLibrary.LevelIpv6, SystemLibrary.Ipv6PacketInfo, ipv6);
    }

    private static byte* Append<T>(byte* end, int level, int type, T value) where T : unmanaged
    {
        *(ControlHeader*)end = new ControlHeader
        {
            Length = (nuint)(sizeof(ControlHeader) + sizeof(T)),
            Level = level,
            Type = type,
        };
        *(T*)(end + sizeof(ControlHeader)) = value;
        return end + ControlSpace(sizeof(T));
    }

    private static int ControlSpace(int dataLength) => sizeof(ControlHeader) + ((dataLength + 7) & ~7);

    /// <summary>Sends each packet of a message by itself; true when all could be sent.</summary>
    private bool SendApart(ref MessageHeader whole)
    {
        whole.ControlLength -= (nuint)ControlSpace(sizeof(ushort)); // the segment size comes last
        var segment = (nuint)(*(ushort*)((byte*)whole.Control + whole.ControlLength + sizeof(ControlHeader)));
        if (whole.ControlLength == 0) whole.Control = null;
        var start = (byte*)whole.Vectors->Base;
        var length = whole.Vectors->Length;
        var all = true;
        for (nuint offset = 0; offset < length; offset += segment)
        {
            var vector = new IoVector { Base = start + offset, Length = nuint.Min(segment, length - offset) };
            var message = new MultiMessageHeader { Header = whole };
            message.Header.Vectors = &vector;
            all &= SystemLibrary.SendMessages(_socket.Descriptor, &message, 1, SystemLibrary.MessageDontWait) == 1;
        }

        return all;
    }

    private void WaitForRoom()
    {
        var poll = new PollDescriptor { Descriptor = _socket.Descriptor, Events = SystemLibrary.PollOut };
        var time = new TimeSpecification { Nanoseconds = RetryWaitNanoseconds };
        _ = SystemLibrary.Poll(&poll, 1, &time, null);
    }
}
