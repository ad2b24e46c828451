using System.Buffers;

namespace Macula.Actors.Protocol.Tests;

/// <summary>Bytes in several pieces, as a pipe hands them over.</summary>
internal static class Chunks
{
    /// <summary>One sequence of these segments, empty ones included.</summary>
    public static ReadOnlySequence<byte> Join(IEnumerable<ReadOnlyMemory<byte>> chunks)
    {
        Segment? first = null;
        Segment? last = null;
        foreach (var chunk in chunks)
        {
            last = new Segment(chunk, last);
            first ??= last;
        }

        return first is null
            ? ReadOnlySequence<byte>.Empty
            : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length);
    }

    /// <summary>Pieces of the given lengths, one after the other and round again.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Cut(ReadOnlyMemory<byte> bytes, int[] lengths)
    {
        for (var i = 0; bytes.Length > 0; i++)
        {
            var length = Math.Min(bytes.Length, Math.Max(lengths[i % lengths.Length], 1));
            yield return bytes[..length];
            bytes = bytes[length..];
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null) return;

            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }
}
