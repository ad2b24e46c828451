using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Who takes received datagrams.</summary>
internal unsafe interface IDatagramReceiver
{
    void OnDatagram(byte* data, int length, NativePath* path, byte ecn);
}

/// <summary>Memory and system call to receive many datagrams at once (recvmmsg with GRO).</summary>
internal sealed unsafe class ReceiveBatch : IDisposable
{
    private const int Messages = 32;
    private const int DatagramRoom = 64 * 1024;
    private const int ControlRoom = 128;

    private readonly UdpSocket _socket;
    private readonly TransportMetrics _metrics;
    private readonly byte* _local = (byte*)NativeMemory.AllocZeroed(SocketAddressBytes.Capacity);
    private readonly byte* _data = (byte*)NativeMemory.Alloc(Messages * DatagramRoom);
    private readonly byte* _names = (byte*)NativeMemory.AllocZeroed(Messages * SocketAddresses.Room);
    private readonly byte* _control = (byte*)NativeMemory.AllocZeroed(Messages * ControlRoom);
    private readonly IoVector* _vectors = (IoVector*)NativeMemory.AllocZeroed(Messages, (nuint)sizeof(IoVector));
    private readonly MultiMessageHeader* _messages =
        (MultiMessageHeader*)NativeMemory.AllocZeroed(Messages, (nuint)sizeof(MultiMessageHeader));

    public ReceiveBatch(UdpSocket socket, TransportMetrics metrics)
    {
        (_socket, _metrics) = (socket, metrics);
        for (var i = 0; i < Messages; i++)
        {
            _vectors[i].Base = _data + (i * DatagramRoom);
            _vectors[i].Length = DatagramRoom;
            ref var header = ref _messages[i].Header;
            header.Name = _names + (i * SocketAddresses.Room);
            header.Vectors = _vectors + i;
            header.VectorCount = 1;
            header.Control = _control + (i * ControlRoom);
        }
    }

    /// <returns>True when there is probably more.</returns>
    public bool Receive(IDatagramReceiver receiver)
    {
        for (var i = 0; i < Messages; i++)
        {
            _messages[i].Header.NameLength = SocketAddresses.Room;
            _messages[i].Header.ControlLength = ControlRoom;
            _messages[i].Header.Flags = 0;
        }

        var count = SystemLibrary.ReceiveMessages(
            _socket.Descriptor, _messages, Messages, SystemLibrary.MessageDontWait, null);
        if (count <= 0) return false;
        var (datagrams, bytes) = (0, 0L);
        for (var i = 0; i < count; i++)
        {
            bytes += _messages[i].Length;
            datagrams += Deliver(ref _messages[i], receiver);
        }

        _metrics.Received(datagrams, bytes);
        return count == Messages;
    }

    public void Dispose()
    {
        Poison.Free(_local, SocketAddressBytes.Capacity);
        Poison.Free(_data, Messages * DatagramRoom);
        Poison.Free(_names, Messages * SocketAddresses.Room);
        Poison.Free(_control, Messages * ControlRoom);
        Poison.Free(_vectors, Messages * (nuint)sizeof(IoVector));
        Poison.Free(_messages, Messages * (nuint)sizeof(MultiMessageHeader));
    }

    /// <returns>How many datagrams it was.</returns>
    private int Deliver(ref MultiMessageHeader message, IDatagramReceiver receiver)
    {
        var length = (int)message.Length;
        var path = new NativePath
        {
            Local = { SocketAddress = _local, Length = _socket.LocalAddress.Length },
            Remote =
            {
                SocketAddress = (byte*)message.Header.Name,
                Length = Math.Min(message.Header.NameLength, SocketAddressBytes.Capacity),
            },
        };
        SocketAddresses.Span(_socket.LocalAddress).CopyTo(new Span<byte>(_local, SocketAddressBytes.Capacity));
        var (segment, ecn) = ReadControl(ref message.Header, path.Local);
        if (segment <= 0) segment = length;
        var data = (byte*)message.Header.Vectors->Base;
        var count = 0;
        for (var offset = 0; offset < length; offset += segment)
        {
            var size = Math.Min(segment, length - offset);
            receiver.OnDatagram(data + offset, size, &path, ecn);
            count++;
        }

        return count;
    }

    /// <param name="local">Gets the address the packet was sent to, where the kernel tells.</param>
    private static (int Segment, byte Ecn) ReadControl(ref MessageHeader header, in NativeAddress local)
    {
        var (segment, ecn) = (0, (byte)0);
        var position = (byte*)header.Control;
        var end = position + header.ControlLength;
        while (position + sizeof(ControlHeader) < end)
        {
            var control = (ControlHeader*)position;
            if (control->Length < (nuint)sizeof(ControlHeader)) break;
            var data = position + sizeof(ControlHeader);
            switch (control->Level, control->Type)
            {
                case (SystemLibrary.LevelIp, SystemLibrary.IpTos):
                case (SystemLibrary.LevelIpv6, SystemLibrary.Ipv6TrafficClass):
                    ecn = (byte)(*data & 3);
                    break;
                case (SystemLibrary.LevelUdp, SystemLibrary.UdpReceiveOffload):
                    segment = *(int*)data;
                    break;
                case (SystemLibrary.LevelIp, SystemLibrary.IpPacketInfo):
                    var ip = &((Ipv4PacketInfo*)data)->Destination;
                    new ReadOnlySpan<byte>(ip, sizeof(uint)).CopyTo(SocketAddresses.Ip(local));
                    break;
                case (SystemLibrary.LevelIpv6, SystemLibrary.Ipv6PacketInfo):
                    new ReadOnlySpan<byte>(((Ipv6PacketInfo*)data)->Address, 16).CopyTo(SocketAddresses.Ip(local));
                    break;
            }

            position += (control->Length + 7) & ~(nuint)7;
        }

        return (segment, ecn);
    }
}
