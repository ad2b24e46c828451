using System.Runtime.InteropServices;

#pragma warning disable CS0649 // the kernel fills them

namespace Macula.Actors.Transport.Ngtcp2.Native;

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    public void* Base;
    public nuint Length;
}

/// <summary>msghdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    public void* Name;
    public uint NameLength;
    public IoVector* Vectors;
    public nuint VectorCount;
    public void* Control;
    public nuint ControlLength;
    public int Flags;
}

/// <summary>mmsghdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MultiMessageHeader
{
    public MessageHeader Header;
    public uint Length;
}

/// <summary>cmsghdr; its data follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ControlHeader
{
    public nuint Length;
    public int Level;
    public int Type;
}

/// <summary>in_pktinfo: which local address a packet came to, or goes out from.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Ipv4PacketInfo
{
    public int Interface;
    public uint Local;
    public uint Destination;
}

/// <summary>in6_pktinfo.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Ipv6PacketInfo
{
    public fixed byte Address[16];
    public int Interface;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    public int Descriptor;
    public short Events;
    public short ReturnedEvents;
}

[StructLayout(LayoutKind.Sequential)]
internal struct TimeSpecification
{
    public long Seconds;
    public long Nanoseconds;
}

/// <summary>itimerspec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimerSpecification
{
    public TimeSpecification Interval;
    public TimeSpecification Value;
}
