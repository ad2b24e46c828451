using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A socket address as the kernel has it: a sockaddr_in or sockaddr_in6.</summary>
[InlineArray(Capacity)]
internal struct SocketAddressBytes
{
    public const int Capacity = 28;

    private byte _first;
}

internal static unsafe class SocketAddresses
{
    /// <summary>Room for an address in buffers that the kernel and the library fill.</summary>
    public const int Room = 128;

    /// <summary>The first byte of the port, in both families.</summary>
    public const int PortAt = 2;

    private const int Ipv4Length = 16;
    private const int Ipv4AddressAt = 4;
    private const int Ipv6AddressAt = 8;

    /// <returns>The length of what was written to <paramref name="destination"/>.</returns>
    public static uint Write(IPEndPoint endPoint, byte* destination)
    {
        var address = endPoint.Serialize();
        var length = endPoint.AddressFamily == AddressFamily.InterNetwork ? Ipv4Length : SocketAddressBytes.Capacity;
        new Span<byte>(destination, length).Clear();
        for (var i = 0; i < Math.Min(length, address.Size); i++) destination[i] = address[i];
        return (uint)length;
    }

    public static IPEndPoint Read(ReadOnlySpan<byte> address)
    {
        var family = address.Length == Ipv4Length ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var copy = new SocketAddress(family, address.Length);
        for (var i = 0; i < address.Length; i++) copy[i] = address[i];
        var any = new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        return (IPEndPoint)any.Create(copy);
    }

    /// <summary>The IP address alone: 4 or 16 bytes.</summary>
    public static Span<byte> Ip(in NativeAddress address) => address.Length == Ipv4Length
        ? new(address.SocketAddress + Ipv4AddressAt, 4)
        : new(address.SocketAddress + Ipv6AddressAt, 16);

    public static ReadOnlySpan<byte> Span(in NativeAddress address) =>
        new(address.SocketAddress, (int)Math.Min(address.Length, SocketAddressBytes.Capacity));
}
