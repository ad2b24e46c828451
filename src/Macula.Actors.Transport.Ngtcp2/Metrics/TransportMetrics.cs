using System.Diagnostics.Metrics;
using System.Text.Json;

namespace Macula.Actors.Transport.Ngtcp2.Metrics;

/// <summary>The instruments of a provider, on the meter <c>Macula.Actors</c>. No tag ever holds an id or an address.
/// </summary>
/// <remarks>Loops of several ports count at once; all members may be called from any thread.</remarks>
internal sealed class TransportMetrics
{
    private const string MeterName = "Macula.Actors";

    private static readonly string[] DropReasons = [.. Enum.GetValues<DropReason>().Select(Word)];
    private static readonly string[] RefusalReasons = [.. Enum.GetValues<RefusalReason>().Select(Word)];

    private readonly long[] _dropped = new long[DropReasons.Length];
    private readonly long[] _refused = new long[RefusalReasons.Length];
    private long _servers, _clients, _halfOpen, _closing, _forgotten, _completed, _failed, _retries, _forwarded;
    private long _resetsSent, _resetsReceived, _datagramsIn, _datagramsOut, _bytesIn, _bytesOut;

    /// <param name="meters">Makes the meter; null: nobody asks, but specs.</param>
    public TransportMetrics(IMeterFactory? meters = null)
    {
        if (meters is null) return;
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge(
            "macula.transport.connections",
            () => Two("role", ("server", Read(ref _servers)), ("client", Read(ref _clients))), "{connection}");
        meter.CreateObservableGauge("macula.transport.half_open", () => HalfOpen, "{connection}");
        meter.CreateObservableGauge("macula.transport.closing", () => Closing, "{connection}");
        meter.CreateObservableCounter("macula.transport.forgotten", () => Forgotten, "{connection}");
        meter.CreateObservableGauge("macula.transport.streams", () => Counters.Streams, "{stream}");
        meter.CreateObservableCounter(
            "macula.transport.handshakes",
            () => Two("outcome", ("completed", Read(ref _completed)), ("failed", Read(ref _failed))), "{handshake}");
        meter.CreateObservableCounter("macula.transport.refused", () => ByReason(_refused, RefusalReasons), "{connection}");
        meter.CreateObservableCounter("macula.transport.dropped", () => ByReason(_dropped, DropReasons), "{datagram}");
        meter.CreateObservableCounter("macula.transport.forwarded", () => ForwardedDatagrams, "{datagram}");
        meter.CreateObservableCounter("macula.transport.retries", () => Retries, "{packet}");
        meter.CreateObservableCounter(
            "macula.transport.stateless_resets",
            () => Two("direction", ("in", ResetsReceived), ("out", ResetsSent)), "{packet}");
        meter.CreateObservableCounter(
            "macula.transport.datagrams",
            () => Two("direction", ("in", DatagramsIn), ("out", DatagramsOut)), "{datagram}");
        meter.CreateObservableCounter(
            "macula.transport.bytes", () => Two("direction", ("in", BytesIn), ("out", BytesOut)), "By");
        meter.CreateObservableGauge("macula.transport.longest_turn", () => LongestTurn.Seconds, "s");
    }

    public LongestTurn LongestTurn { get; } = new();

    public long HalfOpen => Read(ref _halfOpen);
    public long Closing => Read(ref _closing);
    public long Forgotten => Read(ref _forgotten);
    public long ForwardedDatagrams => Read(ref _forwarded);
    public long Retries => Read(ref _retries);
    public long ResetsSent => Read(ref _resetsSent);
    public long ResetsReceived => Read(ref _resetsReceived);
    public long DatagramsIn => Read(ref _datagramsIn);
    public long DatagramsOut => Read(ref _datagramsOut);
    public long BytesIn => Read(ref _bytesIn);
    public long BytesOut => Read(ref _bytesOut);
    public long HandshakesCompleted => Read(ref _completed);
    public long HandshakesFailed => Read(ref _failed);

    public long Dropped(DropReason reason) => Read(ref _dropped[(int)reason]);

    public long Refused(RefusalReason reason) => Read(ref _refused[(int)reason]);

    public void Connection(bool isServer, int change) => Interlocked.Add(ref isServer ? ref _servers : ref _clients, change);

    public void HalfOpened(int change) => Interlocked.Add(ref _halfOpen, change);

    public void Closed(int change) => Interlocked.Add(ref _closing, change);

    /// <summary>A closed connection was forgotten at once: too many were remembered.</summary>
    public void Forgot() => Interlocked.Increment(ref _forgotten);

    /// <summary>A server's handshake has ended.</summary>
    public void Handshake(bool completed) => Interlocked.Increment(ref completed ? ref _completed : ref _failed);

    /// <summary>A loop has passed a datagram on to another one of its port.</summary>
    public void Forwarded() => Interlocked.Increment(ref _forwarded);

    public void RetrySent() => Interlocked.Increment(ref _retries);

    public void ResetSent() => Interlocked.Increment(ref _resetsSent);

    public void ResetReceived() => Interlocked.Increment(ref _resetsReceived);

    public void Drop(DropReason reason, int count = 1) => Interlocked.Add(ref _dropped[(int)reason], count);

    public void Refuse(RefusalReason reason) => Interlocked.Increment(ref _refused[(int)reason]);

    public void Received(int datagrams, long bytes)
    {
        Interlocked.Add(ref _datagramsIn, datagrams);
        Interlocked.Add(ref _bytesIn, bytes);
    }

    public void Sent(int datagrams, long bytes)
    {
        Interlocked.Add(ref _datagramsOut, datagrams);
        Interlocked.Add(ref _bytesOut, bytes);
    }

    private static long Read(ref long value) => Interlocked.Read(ref value);

    private static Measurement<long>[] Two(string tag, (string Name, long Value) one, (string Name, long Value) other) =>
    [
        new(one.Value, new KeyValuePair<string, object?>(tag, one.Name)),
        new(other.Value, new KeyValuePair<string, object?>(tag, other.Name)),
    ];

    private static IEnumerable<Measurement<long>> ByReason(long[] counts, string[] reasons) => reasons.Select(
        (reason, i) => new Measurement<long>(Read(ref counts[i]), new KeyValuePair<string, object?>("reason", reason)));

    /// <summary>HalfOpen becomes half_open.</summary>
    private static string Word<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}

/// <summary>Why a datagram came to nothing.</summary>
internal enum DropReason
{
    /// <summary>No QUIC packet, or of a version that is not spoken here.</summary>
    Unreadable,

    /// <summary>A long header of no connection, and not a client's first packet.</summary>
    NotInitial,

    /// <summary>A client's first packet that did not decrypt or broke the rules.</summary>
    BadInitial,

    /// <summary>A short header of no connection, too short to be answered.</summary>
    UnknownConnection,

    /// <summary>To be answered, but more answers without a connection were due than a second allows.</summary>
    TooManyAnswers,

    /// <summary>For a connection of another loop of the port, which has too many to read already.</summary>
    ForwardQueueFull,

    /// <summary>To be sent, and the kernel's buffer was full.</summary>
    SendBufferFull,

    /// <summary>To be sent, and the kernel refused: no route, or a probe for a larger packet.</summary>
    SendFailed,
}

/// <summary>Why a client was not let in.</summary>
internal enum RefusalReason
{
    HalfOpen,

    HalfOpenPerAddress,

    ConnectionsPerAddress,

    Backlog,

    /// <summary>The listener is disposed.</summary>
    NotListening,

    /// <summary>Its Retry token is forged, another's or too old.</summary>
    InvalidToken,
}
