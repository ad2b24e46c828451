using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>Options in the library's words.</summary>
internal static unsafe class SessionSettings
{
    /// <summary>Of the peer's that it may have given and we have not retired.</summary>
    private const int ActiveConnectionIds = 4;

    /// <summary>As many again that libngtcp2 1.11 has retired and still counts: those of paths that it may go back
    /// to.</summary>
    private const int CountedConnectionIds = 2 * ActiveConnectionIds;

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

    /// <summary>Once the peer was told the limit. A client that changes its address and its id while the server looks for
    /// it at an older address would else be one id beyond it, and be closed (CONNECTION_ID_LIMIT_ERROR).</summary>
    public static void WidenIdLimit(void* connection) =>
        QuicLibrary.GetLocalTransportParameters(connection)->ActiveConnectionIdLimit = CountedConnectionIds;

    public static NativeCid RandomId(int length)
    {
        var id = new NativeCid { Length = (nuint)length };
        RandomNumberGenerator.Fill(new Span<byte>(id.Data, length));
        return id;
    }
}
