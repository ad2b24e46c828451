using System.Runtime.InteropServices;

namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>The calls of the C library that .NET has no equal for, with Linux numbers.</summary>
internal static unsafe partial class SystemLibrary
{
    private const string File = "libc";

    public const int MessageDontWait = 0x40;
    public const short PollIn = 1;
    public const short PollOut = 4;
    public const int EventNonBlocking = 0x800;
    public const int MonotonicClock = 1;
    public const int AbsoluteTime = 1;

    public const int ErrorInterrupted = 4;
    public const int ErrorIo = 5;
    public const int ErrorAgain = 11;
    public const int ErrorInvalid = 22;
    public const int ErrorMessageSize = 90;

    public const int LevelSocket = 1;
    public const int LevelIp = 0;
    public const int LevelIpv6 = 41;
    public const int LevelUdp = 17;

    public const int ReusePort = 15;
    public const int SendBufferForce = 32;
    public const int ReceiveBufferForce = 33;
    public const int IpTos = 1;
    public const int IpReceiveTos = 13;
    public const int IpPacketInfo = 8;
    public const int IpMtuDiscover = 10;
    public const int Ipv6ReceivePacketInfo = 49;
    public const int Ipv6PacketInfo = 50;
    public const int Ipv6TrafficClass = 67;
    public const int Ipv6ReceiveTrafficClass = 66;
    public const int Ipv6MtuDiscover = 23;
    public const int UdpSegment = 103;
    public const int UdpReceiveOffload = 104;

    /// <summary>Sets "don't fragment" and ignores the kernel's path MTU; QUIC finds its own.</summary>
    public const int MtuDiscoverProbe = 3;

    [LibraryImport(File, EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(
        int socket, MultiMessageHeader* messages, uint count, int flags, TimeSpecification* timeout);

    [LibraryImport(File, EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMessages(int socket, MultiMessageHeader* messages, uint count, int flags);

    [LibraryImport(File, EntryPoint = "ppoll")]
    public static partial int Poll(
        PollDescriptor* descriptors, nuint count, TimeSpecification* timeout, void* signals);

    [LibraryImport(File, EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventCreate(uint initial, int flags);

    [LibraryImport(File, EntryPoint = "timerfd_create", SetLastError = true)]
    public static partial int TimerCreate(int clock, int flags);

    [LibraryImport(File, EntryPoint = "timerfd_settime")]
    public static partial int TimerSet(int descriptor, int flags, TimerSpecification* time, TimerSpecification* before);

    [LibraryImport(File, EntryPoint = "read")]
    public static partial nint Read(int descriptor, void* buffer, nuint length);

    [LibraryImport(File, EntryPoint = "write")]
    public static partial nint Write(int descriptor, void* buffer, nuint length);

    [LibraryImport(File, EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport(File, EntryPoint = "setsockopt")]
    public static partial int SetSocketOption(int socket, int level, int option, void* value, uint length);
}
