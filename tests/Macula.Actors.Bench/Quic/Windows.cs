using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Quic;

/// <summary>How much may be on its way, bytes.</summary>
/// <param name="Stream">Receive window of a stream, and what a sender keeps unacknowledged.</param>
/// <param name="Connection">Receive window of a connection.</param>
internal sealed record Windows(int Stream, int Connection)
{
    /// <summary>The defaults of our options.</summary>
    public static Windows Default { get; } = new(256 * 1024, 1024 * 1024);

    /// <summary>The defaults of gtlsclient.</summary>
    public static Windows Large { get; } = new(16 * 1024 * 1024, 24 * 1024 * 1024);

    public T Of<T>(T options) where T : QuicConnectionOptions => options with
    {
        StreamReceiveWindow = Stream,
        ConnectionReceiveWindow = Connection,
        SendBuffer = Stream,
    };
}
