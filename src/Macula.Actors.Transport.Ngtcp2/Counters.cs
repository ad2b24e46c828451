namespace Macula.Actors.Transport.Ngtcp2;

/// <summary>What is alive in this process; specs assert that it returns to zero.</summary>
internal static class Counters
{
    private static long _endpoints, _nativeConnections, _tlsSessions, _credentials, _streams, _sendBlocks, _packetKeys,
        _keyContexts;

    public static long Endpoints => Interlocked.Read(ref _endpoints);
    public static long NativeConnections => Interlocked.Read(ref _nativeConnections);
    public static long TlsSessions => Interlocked.Read(ref _tlsSessions);
    public static long Credentials => Interlocked.Read(ref _credentials);
    public static long Streams => Interlocked.Read(ref _streams);

    public static long PacketKeys => Interlocked.Read(ref _packetKeys);

    /// <summary>Packet keys that are ready to work.</summary>
    public static long KeyContexts => Interlocked.Read(ref _keyContexts);

    /// <summary>Send blocks in use, not those waiting in the pool.</summary>
    public static long SendBlocks => Interlocked.Read(ref _sendBlocks);

    public static void Endpoint(int change) => Interlocked.Add(ref _endpoints, change);
    public static void NativeConnection(int change) => Interlocked.Add(ref _nativeConnections, change);
    public static void TlsSession(int change) => Interlocked.Add(ref _tlsSessions, change);
    public static void Credential(int change) => Interlocked.Add(ref _credentials, change);
    public static void Stream(int change) => Interlocked.Add(ref _streams, change);
    public static void PacketKey(int change) => Interlocked.Add(ref _packetKeys, change);
    public static void KeyContext(int change) => Interlocked.Add(ref _keyContexts, change);
    public static void SendBlock(int change) => Interlocked.Add(ref _sendBlocks, change);

    public static string Describe() =>
        $"endpoints {Endpoints}, connections {NativeConnections}, TLS sessions {TlsSessions}, " +
        $"credentials {Credentials}, streams {Streams}, send blocks {SendBlocks}, packet keys {PacketKeys} ({KeyContexts} ready)";
}
