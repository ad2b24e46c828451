using System.Collections.Frozen;

namespace Macula.Actors.Protocol;

/// <summary>Why a connection ends. The number is the QUIC application error code, the snake_case
/// name goes into <see cref="DisconnectMessage"/>; neither changes.</summary>
public enum DisconnectReason
{
    /// <summary>Nothing is wrong.</summary>
    Normal = 0,

    /// <summary>The peer broke the protocol.</summary>
    ProtocolError = 1,

    /// <summary>The realm is not ours.</summary>
    WrongRealm = 2,

    /// <summary>The first frame was no sound CONNECT.</summary>
    MalformedConnect = 3,

    /// <summary>No CONNECT came in time.</summary>
    ConnectTimeout = 4,

    /// <summary>The client table is full; retry later.</summary>
    MaxClientsReached = 5,

    /// <summary>The node stops.</summary>
    ShuttingDown = 6,

    /// <summary>The client does not take what it subscribed to.</summary>
    SlowConsumer = 7,

    /// <summary>The same node connected again.</summary>
    SessionSuperseded = 8,

    /// <summary>A frame was announced above the limit.</summary>
    FrameTooLarge = 9,

    /// <summary>The client may not do this.</summary>
    NotAuthorized = 10,

    /// <summary>Our fault.</summary>
    InternalError = 11,

    /// <summary>The node is short of memory; retry later.</summary>
    MemoryPressure = 12,

    /// <summary>The node is leaving; connect elsewhere.</summary>
    Draining = 13,
}

/// <summary>The one table of <see cref="DisconnectReason"/>: code and text.</summary>
public static class DisconnectReasons
{
    private static readonly string[] Texts =
    [
        "normal", "protocol_error", "wrong_realm", "malformed_connect", "connect_timeout",
        "max_clients_reached", "shutting_down", "slow_consumer", "session_superseded",
        "frame_too_large", "not_authorized", "internal_error", "memory_pressure", "draining",
    ];

    private static readonly FrozenDictionary<string, DisconnectReason> Reasons = Texts
        .Select((text, code) => KeyValuePair.Create(text, (DisconnectReason)code))
        .ToFrozenDictionary();

    /// <summary>All reasons, by code.</summary>
    public static IReadOnlyList<DisconnectReason> All { get; } =
        [.. Enumerable.Range(0, Texts.Length).Select(code => (DisconnectReason)code)];

    /// <summary>The snake_case text.</summary>
    public static string Text(this DisconnectReason reason) => Texts[(int)reason];

    /// <summary>The QUIC application error code.</summary>
    public static long Code(this DisconnectReason reason) => (long)reason;

    /// <summary>The reason of an application error code, or null.</summary>
    public static DisconnectReason? ByCode(long code) =>
        code >= 0 && code < Texts.Length ? (DisconnectReason)code : null;

    /// <summary>The reason of a text, or null.</summary>
    public static DisconnectReason? ByText(string text) =>
        Reasons.TryGetValue(text, out var reason) ? reason : null;
}
