using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Macula.Actors.Client;

/// <summary>How a <see cref="MaculaClient"/> connects and how much it may hold.</summary>
public sealed record MaculaClientOptions
{
    /// <summary>The UDP port of a gateway where none is given.</summary>
    public const int DefaultPort = 9443;

    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(1);

    /// <summary>The gateway, <c>host:port</c>; IPv6 addresses in brackets, port 9443 if left out.
    /// Several, separated by commas, are tried in turn, those last that ask to be left alone. Default
    /// <c>127.0.0.1:9443</c>.</summary>
    public string Server { get; init; } = "127.0.0.1:9443";

    /// <summary>The plain realm name; it must be the gateway's. Default
    /// <c>com.example.realm</c>.</summary>
    public string Realm { get; init; } = "com.example.realm";

    /// <summary>Who this client is, 1 to 255 bytes. A later client with the same id takes the
    /// session over. Default: empty, a random one for each client, which keeps it over its reconnects.
    /// </summary>
    public NodeId NodeId { get; init; }

    /// <summary>Which certificates of the gateway are accepted. Default: the system's trust store.
    /// </summary>
    public QuicTrust Trust { get; init; } = QuicTrust.System;

    /// <summary>The name that the gateway's certificate must carry. Default: the host of
    /// <see cref="Server"/>.</summary>
    public string? ServerName { get; init; }

    /// <summary>Own certificate with its private key, for gateways that ask. Default: none.
    /// </summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>What this client says it can do. Default <c>pubsub</c> and <c>rpc</c>.</summary>
    public IReadOnlyList<string> Capabilities { get; init; } = ["pubsub", "rpc"];

    /// <summary>Where peers may reach this client, <c>https://host:port</c>. Default: none.
    /// </summary>
    public string? Endpoint { get; init; }

    /// <summary>How long one attempt to connect may take, and how long a publication waits for a
    /// connection; up to 1 day. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a call, a ping or a subscription waits for its answer; up to 1 day.
    /// Default 5 s.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A QUIC PING goes out after this long without traffic; zero: none. Default 10 s.
    /// </summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The connection is lost when nothing was heard for this long; zero: never. Default
    /// 30 s.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The wait before a reconnect is random between zero and this, doubled for each
    /// attempt since the last connection that lasted as long as <see cref="ReconnectMax"/>. Default
    /// 200 ms.</summary>
    public TimeSpan ReconnectInitial { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest wait before a reconnect, unless the gateway asked for more. Default
    /// 10 s.</summary>
    public TimeSpan ReconnectMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Attempts to reconnect that may fail one after the other before the client gives up
    /// and closes; 0: none at all. Default: no limit.</summary>
    public int ReconnectAttempts { get; init; } = int.MaxValue;

    /// <summary>Messages that may wait in one subscription; beyond it the oldest are dropped and
    /// counted. Default 1024.</summary>
    public int SubscriptionBuffer { get; init; } = 1024;

    /// <summary>Calls that may wait for their answer at once, and likewise publications of QoS 1 and
    /// 2, subscriptions, offers and pings together; beyond it they fail with <c>overloaded</c>, and
    /// nothing is sent. Default 1000, which is a gateway's default of calls per client.</summary>
    public int MaxPendingCalls { get; init; } = 1000;

    /// <summary>The largest frame to send, header included, and, with 1 KiB on top for what a
    /// gateway adds, to receive; bytes, from 1024. A larger one is not sent, and ends the connection
    /// when it comes; so does a larger one than the gateway's own limit there. Default 1 MiB, which is
    /// a gateway's default.</summary>
    public int MaxFrameSize { get; init; } = 1024 * 1024;

    /// <summary>Which QUIC to use: <c>auto</c>, <c>system</c> or <c>ngtcp2</c>. Default
    /// <c>auto</c>, the first that works here.</summary>
    public string ProviderName { get; init; } = "auto";

    /// <summary>The QUIC to use, whatever <see cref="ProviderName"/> says. Not disposed by the
    /// client. Default: none.</summary>
    public IQuicProvider? Provider { get; init; }

    /// <summary>Rules all deadlines and waits. Default: the system's clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the client logs. Default: nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Jitter of reconnects and renewals; specs seed it.</summary>
    internal Random Random { get; init; } = Random.Shared;

    /// <summary>These options, or one exception with every fault: name, value, range.</summary>
    /// <exception cref="ArgumentException">An option has a value that cannot work.</exception>
    internal MaculaClientOptions Checked()
    {
        List<string> faults = [];
        foreach (var server in Server.Split(','))
            if (!ServerAddress.TryParse(server, out _))
                faults.Add($"Server has '{server}'; a server is host or host:port, port 1 to 65535");
        if (Realm.Length == 0) faults.Add("Realm is empty");
        Time(nameof(ConnectTimeout), ConnectTimeout);
        Time(nameof(CallTimeout), CallTimeout);
        Time(nameof(ReconnectInitial), ReconnectInitial);
        Time(nameof(ReconnectMax), ReconnectMax);
        Time(nameof(KeepAlive), KeepAlive, zeroIsOff: true);
        Time(nameof(IdleTimeout), IdleTimeout, zeroIsOff: true);
        AtLeast(nameof(ReconnectAttempts), ReconnectAttempts, 0);
        AtLeast(nameof(SubscriptionBuffer), SubscriptionBuffer, 1);
        AtLeast(nameof(MaxPendingCalls), MaxPendingCalls, 1);
        AtLeast(nameof(MaxFrameSize), MaxFrameSize, 1024);

        return faults is [] ? this : throw new ArgumentException(string.Join("; ", faults));

        void Time(string name, TimeSpan value, bool zeroIsOff = false)
        {
            var isOff = zeroIsOff && value == TimeSpan.Zero;
            if (!isOff && (value < TimeSpan.FromMilliseconds(1) || value > LongestTime))
                faults.Add($"{name} is {value}; allowed from 1 ms to 1 day{(zeroIsOff ? ", or 0" : "")}");
        }

        void AtLeast(string name, int value, int least)
        {
            if (value < least) faults.Add($"{name} is {value}; allowed from {least}");
        }
    }
}
