using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Native;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A bound UDP socket, set up for QUIC.</summary>
internal sealed unsafe class UdpSocket : IDisposable
{
    /// <summary>Bytes that each of the kernel's buffers should hold: what hundreds of connections may send at once.</summary>
    public const int BufferSize = 4 * 1024 * 1024;

    private readonly Socket _socket;
    private readonly byte* _localAddress;
    private bool _disposed;

    /// <exception cref="QuicTransportException">The address is taken or cannot be used.</exception>
    /// <param name="answers">For a server: where it is bound to all addresses, what comes to one of them is answered
    /// from there. A client that asks for this would take its own packets for somebody else's.</param>
    /// <param name="joins">The port is another socket's of this process, which allows it.</param>
    public UdpSocket(IPEndPoint bind, bool answers, bool joins = false)
    {
        IsIPv6 = bind.AddressFamily == AddressFamily.InterNetworkV6;
        try
        {
            _socket = new Socket(bind.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            if (IsIPv6 && bind.Address.Equals(IPAddress.IPv6Any)) _socket.DualMode = true;
            if (joins) AllowOthers(_socket);
            _socket.Bind(bind);
        }
        catch (SocketException fault)
        {
            _socket?.Dispose();
            throw new QuicTransportException(
                fault.SocketErrorCode == SocketError.AddressAlreadyInUse
                    ? QuicTransportError.AddressInUse
                    : QuicTransportError.InvalidConfiguration,
                $"cannot bind UDP {bind}: {fault.Message}", inner: fault);
        }

        _socket.Blocking = false;
        Descriptor = (int)_socket.SafeHandle.DangerousGetHandle();
        _socket.ReceiveBufferSize = BufferSize;
        _socket.SendBufferSize = BufferSize;
        // Beyond what the system allows everybody; refused without CAP_NET_ADMIN.
        if (ReceiveBuffer < BufferSize) Set(SystemLibrary.LevelSocket, SystemLibrary.ReceiveBufferForce, BufferSize);
        if (_socket.SendBufferSize / 2 < BufferSize) Set(SystemLibrary.LevelSocket, SystemLibrary.SendBufferForce, BufferSize);
        LocalEndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        _localAddress = (byte*)NativeMemory.AllocZeroed(SocketAddressBytes.Capacity);
        var length = SocketAddresses.Write(LocalEndPoint, _localAddress);
        LocalAddress = new NativeAddress { SocketAddress = _localAddress, Length = length };
        KnowsDestination = answers && (bind.Address.Equals(IPAddress.Any) || bind.Address.Equals(IPAddress.IPv6Any));
        SetOptions();
    }

    /// <summary>Sockets of a listener at one port, between which the kernel divides the clients by their address and port.
    /// </summary>
    /// <remarks>The first is bound like any other and allows the rest only then (SO_REUSEPORT, socket(7)): so a port that
    /// is taken is an error, were it by a second node that shares its ports too.</remarks>
    /// <returns>So many, or one where the kernel refuses; the log then has a warning.</returns>
    /// <exception cref="QuicTransportException">The address is taken or cannot be used.</exception>
    public static UdpSocket[] Bind(IPEndPoint bind, int count, ILogger log)
    {
        List<UdpSocket> sockets = [new(bind, answers: true)];
        if (count == 1) return [.. sockets];
        var first = sockets[0];
        try
        {
            AllowOthers(first._socket);
            while (sockets.Count < count) sockets.Add(new UdpSocket(first.LocalEndPoint, answers: true, joins: true));
        }
        catch (Exception fault) when (fault is SocketException or QuicTransportException)
        {
            foreach (var further in sockets[1..]) further.Dispose();
            sockets = [first];
            log.OneLoop(first.LocalEndPoint, count, fault.Message);
        }

        return [.. sockets];
    }

    public int Descriptor { get; }

    /// <summary>Bytes that the kernel's receive buffer really has; it tells twice as much, for its own bookkeeping
    /// (socket(7)).</summary>
    public int ReceiveBuffer => _socket.ReceiveBufferSize / 2;

    public bool IsIPv6 { get; }

    public IPEndPoint LocalEndPoint { get; }

    public NativeAddress LocalAddress { get; }

    /// <summary>Packets come with the local address they were sent to, and go out with one.</summary>
    public bool KnowsDestination { get; }

    /// <summary>Several packets go out as one message, cut up by the kernel or the device. Off when refused.</summary>
    public bool SegmentationOffload { get; set; } = true;

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _socket.Dispose();
        Poison.Free(_localAddress, SocketAddressBytes.Capacity);
    }

    private void SetOptions()
    {
        // Each of them may be refused; QUIC then works without.
        Set(SystemLibrary.LevelIp, SystemLibrary.IpReceiveTos, 1);
        if (IsIPv6)
        {
            Set(SystemLibrary.LevelIpv6, SystemLibrary.Ipv6ReceiveTrafficClass, 1);
            Set(SystemLibrary.LevelIpv6, SystemLibrary.Ipv6MtuDiscover, SystemLibrary.MtuDiscoverProbe);
        }
        else
        {
            Set(SystemLibrary.LevelIp, SystemLibrary.IpMtuDiscover, SystemLibrary.MtuDiscoverProbe);
        }

        Set(SystemLibrary.LevelUdp, SystemLibrary.UdpReceiveOffload, 1);
        if (!KnowsDestination) return;
        if (IsIPv6) Set(SystemLibrary.LevelIpv6, SystemLibrary.Ipv6ReceivePacketInfo, 1);
        else Set(SystemLibrary.LevelIp, SystemLibrary.IpPacketInfo, 1);
    }

    /// <exception cref="SocketException">Refused.</exception>
    private static void AllowOthers(Socket socket) =>
        socket.SetRawSocketOption(SystemLibrary.LevelSocket, SystemLibrary.ReusePort, BitConverter.GetBytes(1));

    private void Set(int level, int option, int value) =>
        _ = SystemLibrary.SetSocketOption(Descriptor, level, option, &value, sizeof(int));
}
