using System.Buffers;
using System.Collections.Concurrent;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Datagrams that other loops of the port got and that are for this one's connections: the kernel picks the loop
/// by the client's address, and the client has moved.</summary>
/// <remarks>Others add, the loop delivers. What does not fit is dropped; for QUIC that is loss.</remarks>
internal sealed unsafe class ForwardQueue(TransportMetrics metrics)
{
    /// <summary>Bytes that may wait, as many as in the kernel's buffer; each datagram counts <see cref="Overhead"/> more.
    /// </summary>
    public const int MostBytes = UdpSocket.BufferSize;

    /// <summary>About what a datagram takes beside its bytes.</summary>
    public const int Overhead = 256;

    private const int MostAtOnce = 256;

    private readonly ConcurrentQueue<Datagram> _waiting = new();
    private long _bytes;

    public bool IsEmpty => _waiting.IsEmpty;

    /// <summary>Any thread: takes a copy. False when it was dropped.</summary>
    public bool TryAdd(byte* data, int length, NativePath* path, byte ecn)
    {
        if (Interlocked.Add(ref _bytes, length + Overhead) > MostBytes)
        {
            Interlocked.Add(ref _bytes, -(length + Overhead));
            metrics.Drop(DropReason.ForwardQueueFull);
            return false;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(length);
        new ReadOnlySpan<byte>(data, length).CopyTo(bytes);
        var datagram = new Datagram { Bytes = bytes, Length = length, Ecn = ecn };
        datagram.LocalLength = Copy(path->Local, datagram.Local);
        datagram.RemoteLength = Copy(path->Remote, datagram.Remote);
        _waiting.Enqueue(datagram);
        metrics.Forwarded();
        return true;

        static uint Copy(in NativeAddress address, Span<byte> room)
        {
            var bytes = SocketAddresses.Span(address);
            bytes.CopyTo(room);
            return (uint)bytes.Length;
        }
    }

    /// <summary>Loop thread: gives it some hundred of those that wait.</summary>
    public void Deliver(Endpoint loop)
    {
        for (var i = 0; i < MostAtOnce && _waiting.TryDequeue(out var datagram); i++)
        {
            var path = new NativePath
            {
                Local = { SocketAddress = (byte*)&datagram.Local, Length = datagram.LocalLength },
                Remote = { SocketAddress = (byte*)&datagram.Remote, Length = datagram.RemoteLength },
            };
            fixed (byte* data = datagram.Bytes) loop.OnForwarded(data, datagram.Length, &path, datagram.Ecn);
            ArrayPool<byte>.Shared.Return(datagram.Bytes);
            Interlocked.Add(ref _bytes, -(datagram.Length + Overhead));
        }
    }

    private struct Datagram
    {
        public byte[] Bytes;
        public int Length;
        public byte Ecn;
        public SocketAddressBytes Local;
        public SocketAddressBytes Remote;
        public uint LocalLength;
        public uint RemoteLength;
    }
}
