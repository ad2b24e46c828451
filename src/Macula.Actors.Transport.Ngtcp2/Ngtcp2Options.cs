using Macula.Actors.Transport.Ngtcp2.Loop;

namespace Macula.Actors.Transport.Ngtcp2;

/// <summary>How a listener of <see cref="Ngtcp2Provider"/> holds out on a hostile network.</summary>
public sealed record Ngtcp2Options
{
    /// <summary>Bytes that <see cref="Secret"/> must have at least.</summary>
    public const int ShortestSecret = 32;

    /// <summary>The most <see cref="Loops"/> where they go by the processors: the rest of the work needs some too.</summary>
    public const int MostAutomaticLoops = 8;

    /// <summary>Threads, each with a socket and buffers of its own, between which a listener's connections are divided.
    /// 0 to 64; 0: one for each processor, at most <see cref="MostAutomaticLoops"/>. Default 1. The client connections
    /// of a provider have one whatever is set.</summary>
    public int Loops { get; init; } = 1;

    /// <summary>Whether clients prove their address before anything is kept of them (RFC 9000, section 8.1.2). Default
    /// under pressure.</summary>
    public RetryPolicy Retry { get; init; } = RetryPolicy.UnderPressure;

    /// <summary>With <see cref="RetryPolicy.UnderPressure"/>: while a listener has so many half-open connections,
    /// further clients must prove their address. 0 to 1000000, default 1024.</summary>
    public int RetryMark { get; init; } = 1024;

    /// <summary>A client must come back with its Retry token by then. 1 s to 1 h, default 10 s.</summary>
    public TimeSpan RetryTokenLifetime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Handshakes under way at once on a listener; more are refused. 1 to 1000000, with
    /// <see cref="RetryPolicy.UnderPressure"/> above <see cref="RetryMark"/>, or clients were refused before they are
    /// asked. Default 4096.</summary>
    public int MaxHalfOpen { get; init; } = 4096;

    /// <summary>Of those, from one IPv4 address or one IPv6 /64. 0 (no limit) to 1000000, default 2048. With
    /// <see cref="RetryPolicy.UnderPressure"/> above <see cref="RetryMark"/>: up to the mark anybody can pretend to be at
    /// another's address, and could lock it out.</summary>
    public int MaxHalfOpenPerAddress { get; init; } = 2048;

    /// <summary>Connections from one IPv4 address or one IPv6 /64, half-open ones included; more are refused. Many
    /// clients share an address behind a NAT. 0 (no limit) to 10000000, default 0. With
    /// <see cref="RetryPolicy.UnderPressure"/> above <see cref="RetryMark"/>, as above.</summary>
    public int MaxConnectionsPerAddress { get; init; }

    /// <summary>Closed connections of which a listener or client port remembers for a few round trips that they are
    /// closed (RFC 9000, section 10.2); beyond it they are forgotten at once. 0 to 1000000, default 50000.</summary>
    public int MaxClosing { get; init; } = 50_000;

    /// <summary>What stateless reset and Retry tokens are made from, at least <see cref="ShortestSecret"/> bytes. It must
    /// outlive the process: with the same secret a restarted listener tells old clients at once that it knows them no
    /// more. Default none: it is taken from the private key of the listener's certificate.</summary>
    public ReadOnlyMemory<byte> Secret { get; init; }

    /// <summary>The clock of Retry tokens.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    internal int LoopCount => Loops > 0 ? Loops : Math.Min(Environment.ProcessorCount, MostAutomaticLoops);

    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>; the message names
    /// every option that cannot work, its value and what is allowed.</exception>
    internal Ngtcp2Options Checked()
    {
        List<string> faults = [];
        Need(Enum.IsDefined(Retry), nameof(Retry), Retry, "UnderPressure, Always or Never");
        Need(Loops is >= 0 and <= ConnectionIds.MostLoops, nameof(Loops), Loops, $"0 to {ConnectionIds.MostLoops}");
        Need(RetryMark is >= 0 and <= 1_000_000, nameof(RetryMark), RetryMark, "0 to 1000000");
        Need(RetryTokenLifetime >= TimeSpan.FromSeconds(1) && RetryTokenLifetime <= TimeSpan.FromHours(1),
            nameof(RetryTokenLifetime), RetryTokenLifetime, "1 s to 1 h");
        Need(MaxHalfOpen is >= 1 and <= 1_000_000, nameof(MaxHalfOpen), MaxHalfOpen, "1 to 1000000");
        Need(MaxHalfOpenPerAddress is >= 0 and <= 1_000_000, nameof(MaxHalfOpenPerAddress), MaxHalfOpenPerAddress,
            "0 to 1000000");
        Need(MaxConnectionsPerAddress is >= 0 and <= 10_000_000, nameof(MaxConnectionsPerAddress),
            MaxConnectionsPerAddress, "0 to 10000000");
        Need(MaxClosing is >= 0 and <= 1_000_000, nameof(MaxClosing), MaxClosing, "0 to 1000000");
        Need(Secret.Length is 0 or >= ShortestSecret, nameof(Secret), $"{Secret.Length} bytes",
            $"none, or at least {ShortestSecret} bytes");
        if (faults is [] && Retry == RetryPolicy.UnderPressure)
        {
            // Up to the mark anybody can pretend to be at any address.
            Need(MaxHalfOpen > RetryMark, nameof(MaxHalfOpen), MaxHalfOpen, $"more than RetryMark, which is {RetryMark}");
            Need(MaxHalfOpenPerAddress == 0 || MaxHalfOpenPerAddress > RetryMark, nameof(MaxHalfOpenPerAddress),
                MaxHalfOpenPerAddress, $"0, or more than RetryMark, which is {RetryMark}");
            Need(MaxConnectionsPerAddress == 0 || MaxConnectionsPerAddress > RetryMark, nameof(MaxConnectionsPerAddress),
                MaxConnectionsPerAddress, $"0, or more than RetryMark, which is {RetryMark}");
        }

        return faults is []
            ? this
            : throw new QuicTransportException(QuicTransportError.InvalidConfiguration, string.Join("; ", faults));

        void Need(bool good, string name, object value, string allowed)
        {
            if (!good) faults.Add($"{name} is '{value}'; allowed: {allowed}");
        }
    }
}

/// <summary>Whether a listener makes clients prove their address by a Retry packet, which costs them a round trip.
/// </summary>
public enum RetryPolicy
{
    /// <summary>While many connections are half open: <see cref="Ngtcp2Options.RetryMark"/>.</summary>
    UnderPressure,

    Always,

    Never,
}
