using Macula.Actors.Configuration;

namespace Macula.Actors.PubSub;

/// <summary>Limits of subscriptions. Defaults live in hocon/reference.conf, not here.</summary>
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

    /// <summary>Bytes of a topic.</summary>
    public required int MaxTopicLength { get; init; }

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
            MaxTopicLength = reader.Size("max-topic-length", 1, 65_536),
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
