using System.Buffers;
using System.Buffers.Binary;

namespace Macula.Actors.Protocol;

/// <summary>Judges one frame held in one piece: for tests, tools and datagrams. Streams use
/// <see cref="FrameReader"/>.</summary>
/// <remarks>The order of checks is the reference's: header, version, length, type, MessagePack;
/// then ours, that the payload is a map. Bytes after the announced payload are left alone.
/// </remarks>
public static class FrameDecoder
{
    /// <summary>The frame at the start of <paramref name="bytes"/>, or the first fault.</summary>
    public static bool Decode(ReadOnlyMemory<byte> bytes, out Frame frame, out FrameError error)
    {
        frame = default;
        var span = bytes.Span;
        error = default;
        if (span.Length < Frame.HeaderLength)
        {
            error = new FrameError(FrameErrorCode.InvalidHeader);
            return false;
        }

        if (span[0] != Frame.Version)
        {
            error = new FrameError(FrameErrorCode.UnsupportedVersion, span[0]);
            return false;
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(span[4..]);
        if (length > (uint)(span.Length - Frame.HeaderLength))
        {
            error = new FrameError(FrameErrorCode.IncompletePayload);
            return false;
        }

        if (!FrameTypes.IsKnown(span[1]))
        {
            error = new FrameError(FrameErrorCode.UnknownType, span[1]);
            return false;
        }

        var payload = new ReadOnlySequence<byte>(bytes.Slice(Frame.HeaderLength, (int)length));
        var code = RawValue.Check(payload);
        if (code != DecodeErrorCode.None)
        {
            error = new FrameError(code == DecodeErrorCode.NotAMap
                ? FrameErrorCode.PayloadNotAMap
                : FrameErrorCode.MsgPackDecodeError);
            return false;
        }

        frame = new Frame((FrameType)span[1], payload);
        return true;
    }
}
