using System.Buffers;
using System.Buffers.Binary;

namespace Macula.Actors.Protocol;

/// <summary>The outcome of one look at a stream's bytes.</summary>
public enum FrameReadStatus : byte
{
    /// <summary>No whole frame yet; nothing was consumed. Read more and ask again.</summary>
    NeedMore,

    /// <summary>A frame was taken off the buffer.</summary>
    Frame,

    /// <summary>A frame of an unknown type was taken off the buffer and dropped; go on.</summary>
    Skipped,

    /// <summary>The stream is out of step; nothing was consumed. Close it.</summary>
    Fatal,
}

/// <summary>Takes frames off the front of a stream's bytes, however they were split or joined.
/// </summary>
/// <remarks>
/// <code>
/// while (true)
///     switch (FrameReader.TryRead(ref buffer, max, out var frame, out var error)) { ... }
/// reader.AdvanceTo(buffer.Start, buffer.End);
/// </code>
/// At most 8 + maxPayload bytes have to be buffered before the answer is other than
/// <see cref="FrameReadStatus.NeedMore"/>.
/// </remarks>
public static class FrameReader
{
    /// <summary>Takes one frame off <paramref name="buffer"/>.</summary>
    /// <param name="buffer">Unread bytes; cut at the front by what was consumed.</param>
    /// <param name="maxPayload">Limit of the announced payload length, in bytes, from 0.</param>
    /// <param name="frame">The frame, for <see cref="FrameReadStatus.Frame"/>.</param>
    /// <param name="error">The fault, for Skipped and Fatal.</param>
    public static FrameReadStatus TryRead(
        ref ReadOnlySequence<byte> buffer, int maxPayload, out Frame frame, out FrameError error)
    {
        frame = default;
        error = default;
        if (buffer.IsEmpty) return FrameReadStatus.NeedMore;

        // A wrong version is wrong from its first byte on; waiting for seven more helps nobody.
        var version = buffer.FirstSpan.Length > 0 ? buffer.FirstSpan[0] : First(buffer);
        if (version != Frame.Version)
        {
            error = new FrameError(FrameErrorCode.UnsupportedVersion, version);
            return FrameReadStatus.Fatal;
        }

        if (buffer.Length < Frame.HeaderLength) return FrameReadStatus.NeedMore;

        Span<byte> copy = stackalloc byte[Frame.HeaderLength];
        var header = buffer.FirstSpan.Length >= Frame.HeaderLength
            ? buffer.FirstSpan[..Frame.HeaderLength]
            : Copy(buffer, copy);
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        if (length > (uint)maxPayload)
        {
            error = new FrameError(FrameErrorCode.FrameTooLarge, length);
            return FrameReadStatus.Fatal;
        }

        if (buffer.Length < Frame.HeaderLength + length) return FrameReadStatus.NeedMore;

        var type = header[1];
        var payload = buffer.Slice(Frame.HeaderLength, length);
        buffer = buffer.Slice(payload.End);
        if (!FrameTypes.IsKnown(type))
        {
            error = new FrameError(FrameErrorCode.UnknownType, type);
            return FrameReadStatus.Skipped;
        }

        frame = new Frame((FrameType)type, payload);
        return FrameReadStatus.Frame;
    }

    private static ReadOnlySpan<byte> Copy(in ReadOnlySequence<byte> buffer, Span<byte> into)
    {
        buffer.Slice(0, into.Length).CopyTo(into);
        return into;
    }

    // The first segment of a sequence may be empty.
    private static byte First(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> one = stackalloc byte[1];
        return Copy(buffer, one)[0];
    }
}
