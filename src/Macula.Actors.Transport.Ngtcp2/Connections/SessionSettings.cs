using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>Options in the library's words.</summary>
internal static unsafe class SessionSettings
{
    private const int ActiveConnectionIds = 4;
    private const ulong NanosecondsPerTick = 100;

    public static void Fill(
        QuicConnectionOptions options, ulong now, Settings* settings, TransportParameters* parameters)
    {
        QuicLibrary.SettingsDefault(Settings.Version, settings);
        settings->InitialTimestamp = now;
        settings->HandshakeTimeout = (ulong)options.HandshakeTimeout.Ticks * NanosecondsPerTick;
        settings->MaxTxUdpPayloadSize = SendBatch.LargestPacket;

        QuicLibrary.TransportParametersDefault(TransportParameters.Version, parameters);
        parameters->InitialMaxStreamDataBidiLocal = (ulong)options.StreamReceiveWindow;
        parameters->InitialMaxStreamDataBidiRemote = (ulong)options.StreamReceiveWindow;
        parameters->InitialMaxData = (ulong)options.ConnectionReceiveWindow;
        parameters->InitialMaxStreamsBidi = (ulong)options.MaxInboundStreams;
        parameters->InitialMaxStreamDataUni = (ulong)options.StreamReceiveWindow;
        parameters->InitialMaxStreamsUni = (ulong)options.MaxInboundUnidirectionalStreams;
        parameters->MaxIdleTimeout = (ulong)options.IdleTimeout.Ticks * NanosecondsPerTick;
        parameters->ActiveConnectionIdLimit = ActiveConnectionIds;
    }

    public static NativeCid RandomId(int length)
    {
        var id = new NativeCid { Length = (nuint)length };
        RandomNumberGenerator.Fill(new Span<byte>(id.Data, length));
        return id;
    }
}
