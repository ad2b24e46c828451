using System.Buffers;
using BenchmarkDotNet.Attributes;
using Macula.Actors.Protocol;

namespace Macula.Actors.Bench.Codec;

/// <summary>Taking frames off a buffer; figures are per frame.</summary>
public class Frames
{
    private const int Count = 100;

    private readonly ReadOnlySequence<byte> _coalesced = Coalesced(int.MaxValue);
    private readonly ReadOnlySequence<byte> _split = Coalesced(50);

    /// <summary>100 joined frames in one segment.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int Coalesced() => ReadAll(_coalesced);

    /// <summary>The same in segments of 50 bytes: every frame has a seam.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int Split() => ReadAll(_split);

    /// <summary>Joined frames, each decoded as a PUBLISH.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int CoalescedAndDecodedPublish()
    {
        var (rest, count) = (_coalesced, 0);
        while (FrameReader.TryRead(ref rest, Frame.DefaultMaxPayload, out var frame, out _) == FrameReadStatus.Frame)
            if (PublishMessage.TryDecode(frame.Payload, out _, out _)) count++;
        return count;
    }

    private static int ReadAll(ReadOnlySequence<byte> rest)
    {
        var count = 0;
        while (FrameReader.TryRead(ref rest, Frame.DefaultMaxPayload, out _, out _) == FrameReadStatus.Frame) count++;
        return count;
    }

    private static ReadOnlySequence<byte> Coalesced(int segment)
    {
        var frame = Samples.PublishSmall.ToFrame();
        var all = Enumerable.Repeat(frame, Count).SelectMany(bytes => bytes).ToArray();
        var first = new Segment(all.AsMemory(0, Math.Min(segment, all.Length)), 0);
        var last = first;
        for (var at = first.Memory.Length; at < all.Length; at += last.Memory.Length)
            last = last.Append(all.AsMemory(at, Math.Min(segment, all.Length - at)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index) => (Memory, RunningIndex) = (memory, index);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
