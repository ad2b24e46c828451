namespace Macula.Actors.Protocol;

/// <summary>Does a topic match a pattern? Byte-wise, case-sensitive, segments split at dots.
/// </summary>
/// <remarks>A segment <c>*</c> is exactly one segment, an empty one too; <c>**</c> is zero or more
/// segments, anywhere, several times. All else is literal, <c>#</c> and <c>a*</c> too. Allocates
/// nothing; time is at most the product of both lengths, however many <c>**</c> there are.
/// </remarks>
public static class TopicPattern
{
    private const byte Dot = (byte)'.';

    /// <summary>Whether <paramref name="topic"/> is one that <paramref name="pattern"/> means.
    /// </summary>
    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> topic)
    {
        // Positions run to length + 1: one past the last segment's virtual dot.
        var (p, t) = (0, 0);
        var (retryPattern, retryTopic) = (-1, 0);

        while (t <= topic.Length)
        {
            if (p <= pattern.Length)
            {
                var want = Segment(pattern, p);
                if (want.SequenceEqual("**"u8))
                {
                    // Tried empty first; only the latest ** ever needs to take one more.
                    p += want.Length + 1;
                    (retryPattern, retryTopic) = (p, t);
                    continue;
                }

                var have = Segment(topic, t);
                if (want.SequenceEqual("*"u8) || want.SequenceEqual(have))
                {
                    p += want.Length + 1;
                    t += have.Length + 1;
                    continue;
                }
            }

            if (retryPattern < 0) return false;

            retryTopic += Segment(topic, retryTopic).Length + 1;
            (p, t) = (retryPattern, retryTopic);
        }

        while (p <= pattern.Length)
        {
            var rest = Segment(pattern, p);
            if (!rest.SequenceEqual("**"u8)) return false;
            p += rest.Length + 1;
        }

        return true;
    }

    /// <inheritdoc cref="Matches(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    public static bool Matches(Utf8Text pattern, Utf8Text topic) =>
        Matches(pattern.Span, topic.Span);

    /// <summary>Whether a pattern has a wildcard segment; if not it means its own text only.
    /// </summary>
    public static bool IsWildcard(ReadOnlySpan<byte> pattern)
    {
        for (var at = 0; at <= pattern.Length;)
        {
            var segment = Segment(pattern, at);
            if (segment.SequenceEqual("*"u8) || segment.SequenceEqual("**"u8)) return true;
            at += segment.Length + 1;
        }

        return false;
    }

    private static ReadOnlySpan<byte> Segment(ReadOnlySpan<byte> text, int start)
    {
        var rest = text[start..];
        var end = rest.IndexOf(Dot);
        return end < 0 ? rest : rest[..end];
    }
}
