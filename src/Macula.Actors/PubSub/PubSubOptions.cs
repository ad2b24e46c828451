using Macula.Actors.Configuration;

namespace Macula.Actors.PubSub;

/// <summary>Limits of subscriptions, of what is retained and of what is remembered of publishers. Defaults live in
/// hocon/reference.conf, not here.</summary>
public sealed record PubSubOptions
{
    public required int MaxPatternsPerClient { get; init; }

    public required int MaxPatterns { get; init; }

    /// <summary>Nodes of the topic trie: what the memory of all patterns together is bounded by.</summary>
    public required int MaxPatternNodes { get; init; }

    /// <summary>Bytes of a pattern.</summary>
    public required int MaxPatternLength { get; init; }

    /// <summary>Segments of a pattern or topic.</summary>
    public required int MaxSegments { get; init; }

    /// <summary><c>**</c> in one pattern: with many of them a short topic could meet most of the trie.</summary>
    public required int MaxDoubleStars { get; init; }

    /// <summary>Nodes of the topic trie that the patterns of one client can add to one match, added up.</summary>
    public required int MaxMatchCostPerClient { get; init; }

    /// <summary>Nodes of the topic trie that one match may meet because of wildcards.</summary>
    public required int MaxMatchCost { get; init; }

    /// <summary>Bytes of a topic.</summary>
    public required int MaxTopicLength { get; init; }

    /// <summary>Messages that are kept for later subscribers; 0 keeps none.</summary>
    public required int MaxRetained { get; init; }

    /// <summary>Bytes of all that is retained, the places of their topics included.</summary>
    public required int MaxRetainedBytes { get; init; }

    /// <summary>How long a message is retained; 0 for ever.</summary>
    public required TimeSpan RetainedTtl { get; init; }

    /// <summary>Retained messages that one SUBSCRIBE gets.</summary>
    public required int MaxRetainedPerSubscribe { get; init; }

    /// <summary>Comparisons of segments that looking for them may take: of one client at once, and in a second.</summary>
    public required int MaxRetainedSteps { get; init; }

    /// <summary>How long the repeat of a QoS 1 message is known as one.</summary>
    public required TimeSpan DedupeWindow { get; init; }

    /// <summary>Message ids that are remembered for that, of all clients.</summary>
    public required int MaxDedupeIds { get; init; }

    /// <summary>The same of one client; 0 remembers none and passes repeats on.</summary>
    public required int MaxDedupeIdsPerClient { get; init; }

    public static PubSubOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        return new PubSubOptions
        {
            MaxPatternsPerClient = reader.Int("max-patterns-per-client", 1, 1_000_000),
            MaxPatterns = reader.Int("max-patterns", 1, 100_000_000),
            MaxPatternNodes = reader.Int("max-pattern-nodes", 1, 100_000_000),
            MaxPatternLength = reader.Size("max-pattern-length", 1, 65_536),
            MaxSegments = reader.Int("max-segments", 1, 1024),
            MaxDoubleStars = reader.Int("max-double-stars", 0, 1024),
            MaxMatchCostPerClient = reader.Int("max-match-cost-per-client", 0, 100_000_000),
            MaxMatchCost = reader.Int("max-match-cost", 0, 100_000_000),
            MaxTopicLength = reader.Size("max-topic-length", 1, 65_536),
            MaxRetained = reader.Int("max-retained", 0, 10_000_000),
            MaxRetainedBytes = reader.Size("max-retained-bytes", 1024, 1024 * 1024 * 1024),
            RetainedTtl = reader.Duration("retained-ttl", TimeSpan.Zero, TimeSpan.FromDays(365)),
            MaxRetainedPerSubscribe = reader.Int("max-retained-per-subscribe", 1, 1_000_000),
            MaxRetainedSteps = reader.Int("max-retained-steps", 1, 100_000_000),
            DedupeWindow = reader.Duration("dedupe-window", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            MaxDedupeIds = reader.Int("max-dedupe-ids", 1, 100_000_000),
            MaxDedupeIdsPerClient = reader.Int("max-dedupe-ids-per-client", 0, 1_000_000),
        };
    }

    /// <summary>Null, or what is wrong with a pattern.</summary>
    public string? PatternFault(ReadOnlySpan<byte> pattern)
    {
        if (Fault(pattern, MaxPatternLength) is { } fault) return fault;
        var stars = 0;
        foreach (var segment in pattern.Split((byte)'.'))
            if (pattern[segment].SequenceEqual("**"u8)) stars++;
        return stars > MaxDoubleStars ? $"{stars} of ** in a pattern are more than {MaxDoubleStars}" : null;
    }

    /// <summary>Null, or what is wrong with a topic or pattern of this text.</summary>
    public string? Fault(ReadOnlySpan<byte> text, int maxLength)
    {
        if (text.Length > maxLength) return $"{text.Length} bytes are more than {maxLength}";
        var segments = text.Count((byte)'.') + 1;
        return segments > MaxSegments ? $"{segments} segments are more than {MaxSegments}" : null;
    }
}
