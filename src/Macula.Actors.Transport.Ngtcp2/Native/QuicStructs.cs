using System.Runtime.InteropServices;

#pragma warning disable CS0649 // the library fills them

namespace Macula.Actors.Transport.Ngtcp2.Native;

// The structures of libngtcp2 1.11 (ngtcp2/ngtcp2.h) on LP64. NativeLayout checks sizes and offsets at start.

/// <summary>A connection id: 0 to 20 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeCid
{
    public const int MaxLength = 20;

    public nuint Length;
    public fixed byte Data[MaxLength];
}

/// <summary>A piece of memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeVector
{
    public byte* Base;
    public nuint Length;
}

[StructLayout(LayoutKind.Sequential, Size = 8)]
internal struct PacketInfo
{
    public byte Ecn;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeAddress
{
    public byte* SocketAddress;
    public uint Length;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativePath
{
    public NativeAddress Local;
    public NativeAddress Remote;
    public void* UserData;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PacketHeader
{
    public NativeCid DestinationId;
    public NativeCid SourceId;
    public long PacketNumber;
    public NativeVector Token;
    public nuint PacketNumberLength;
    public nuint Length;
    public uint Version;
    public byte Type;
    public byte Flags;
}

/// <summary>ngtcp2_conn_info: nanoseconds and bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ConnectionInfo
{
    public const int Version = 1;

    public ulong LatestRoundTrip;
    public ulong LeastRoundTrip;
    public ulong SmoothedRoundTrip;
    public ulong RoundTripVariation;
    public ulong Window;
    public ulong SlowStartThreshold;
    public ulong InFlight;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VersionAndIds
{
    public uint Version;
    public byte* DestinationId;
    public nuint DestinationIdLength;
    public byte* SourceId;
    public nuint SourceIdLength;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PreferredAddress
{
    public NativeCid Cid;
    public fixed byte IPv4[16];
    public fixed byte IPv6[28];
    public byte IPv4Present;
    public byte IPv6Present;
    public fixed byte StatelessResetToken[16];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct VersionInformation
{
    public uint Chosen;
    public byte* Available;
    public nuint AvailableLength;
}

/// <summary>QUIC transport parameters (RFC 9000, section 18.2). Times in nanoseconds.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TransportParameters
{
    public const int Version = 1;

    public PreferredAddress PreferredAddress;
    public NativeCid OriginalDestinationId;
    public NativeCid InitialSourceId;
    public NativeCid RetrySourceId;
    public ulong InitialMaxStreamDataBidiLocal;
    public ulong InitialMaxStreamDataBidiRemote;
    public ulong InitialMaxStreamDataUni;
    public ulong InitialMaxData;
    public ulong InitialMaxStreamsBidi;
    public ulong InitialMaxStreamsUni;
    public ulong MaxIdleTimeout;
    public ulong MaxUdpPayloadSize;
    public ulong ActiveConnectionIdLimit;
    public ulong AckDelayExponent;
    public ulong MaxAckDelay;
    public ulong MaxDatagramFrameSize;
    public byte StatelessResetTokenPresent;
    public byte DisableActiveMigration;
    public byte OriginalDestinationIdPresent;
    public byte InitialSourceIdPresent;
    public byte RetrySourceIdPresent;
    public byte PreferredAddressPresent;
    public fixed byte StatelessResetToken[16];
    public byte GreaseQuicBit;
    public VersionInformation VersionInformation;
    public byte VersionInformationPresent;
}

/// <summary>Settings, version 2. Times in nanoseconds.</summary>
/// <remarks><see cref="QlogWrite"/> stays null (CVE-2026-40170), and so does <see cref="LogPrintf"/>: it is
/// variadic, which C# cannot be.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Settings
{
    public const int Version = 2;

    public nint QlogWrite;
    public int CongestionControl;
    public ulong InitialTimestamp;
    public ulong InitialRtt;
    public nint LogPrintf;
    public nuint MaxTxUdpPayloadSize;
    public NativeVector Token;
    public int TokenType;
    public nint RandomContext;
    public ulong MaxWindow;
    public ulong MaxStreamWindow;
    public nuint AckThreshold;
    public byte NoTxUdpPayloadSizeShaping;
    public ulong HandshakeTimeout;
    public uint* PreferredVersions;
    public nuint PreferredVersionsLength;
    public uint* AvailableVersions;
    public nuint AvailableVersionsLength;
    public uint OriginalVersion;
    public byte NoPathMtuDiscovery;
    public uint InitialPacketNumber;
    public ushort* PathMtuProbes;
    public nuint PathMtuProbesLength;
}

/// <summary>The 40 callbacks of version 1, in the library's order.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeCallbacks
{
    public const int Version = 1;

    public nint ClientInitial;
    public nint ReceiveClientInitial;
    public nint ReceiveCryptoData;
    public nint HandshakeCompleted;
    public nint ReceiveVersionNegotiation;
    public nint Encrypt;
    public nint Decrypt;
    public nint HeaderProtectionMask;
    public nint ReceiveStreamData;
    public nint AckedStreamDataOffset;
    public nint StreamOpen;
    public nint StreamClose;
    public nint ReceiveStatelessReset;
    public nint ReceiveRetry;
    public nint ExtendMaxLocalStreamsBidi;
    public nint ExtendMaxLocalStreamsUni;
    public nint Random;
    public nint GetNewConnectionId;
    public nint RemoveConnectionId;
    public nint UpdateKey;
    public nint PathValidation;
    public nint SelectPreferredAddress;
    public nint StreamReset;
    public nint ExtendMaxRemoteStreamsBidi;
    public nint ExtendMaxRemoteStreamsUni;
    public nint ExtendMaxStreamData;
    public nint DestinationIdStatus;
    public nint HandshakeConfirmed;
    public nint ReceiveNewToken;
    public nint DeleteCryptoAeadContext;
    public nint DeleteCryptoCipherContext;
    public nint ReceiveDatagram;
    public nint AckDatagram;
    public nint LostDatagram;
    public nint GetPathChallengeData;
    public nint StreamStopSending;
    public nint VersionNegotiation;
    public nint ReceiveRxKey;
    public nint ReceiveTxKey;
    public nint TlsEarlyDataRejected;
}

/// <summary>Why a connection ends, in a CONNECTION_CLOSE frame.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CloseError
{
    public int Type;
    public ulong ErrorCode;
    public ulong FrameType;
    public byte* Reason;
    public nuint ReasonLength;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LibraryInformation
{
    public int Age;
    public int VersionNumber;
    public byte* VersionText;
}
