namespace Macula.Actors.Protocol;

/// <summary>What can be wrong with a frame.</summary>
public enum FrameErrorCode : byte
{
    None,

    /// <summary>Fewer than 8 bytes. Only the one-shot <see cref="FrameDecoder"/> says so; a
    /// stream reader waits for more.</summary>
    InvalidHeader,

    /// <summary>The first byte is not 1. Fatal: the stream is out of step.</summary>
    UnsupportedVersion,

    /// <summary>The announced length is above the limit. Fatal, and known from the header alone.
    /// </summary>
    FrameTooLarge,

    /// <summary>Fewer payload bytes than announced. Only the one-shot decoder says so.</summary>
    IncompletePayload,

    /// <summary>A type that is not in the table. The frame has been skipped.</summary>
    UnknownType,

    /// <summary>The payload is not exactly one well-formed MessagePack value.</summary>
    MsgPackDecodeError,

    /// <summary>The payload is well-formed MessagePack but no map.</summary>
    PayloadNotAMap,
}

/// <summary>A fault of a frame.</summary>
/// <param name="Code">What is wrong.</param>
/// <param name="Value">The byte for <see cref="FrameErrorCode.UnsupportedVersion"/> and
/// <see cref="FrameErrorCode.UnknownType"/>, the announced length in bytes for
/// <see cref="FrameErrorCode.FrameTooLarge"/>, else 0.</param>
public readonly record struct FrameError(FrameErrorCode Code, uint Value = 0)
{
    /// <summary>Whether the stream is out of step and must be closed. Anything else concerns this
    /// one frame only.</summary>
    public bool IsFatal =>
        Code is FrameErrorCode.UnsupportedVersion or FrameErrorCode.FrameTooLarge;

    /// <summary>Stable snake_case text of <see cref="Code"/>.</summary>
    public string CodeText => Code switch
    {
        FrameErrorCode.None => "none",
        FrameErrorCode.InvalidHeader => "invalid_header",
        FrameErrorCode.UnsupportedVersion => "unsupported_version",
        FrameErrorCode.FrameTooLarge => "frame_too_large",
        FrameErrorCode.IncompletePayload => "incomplete_payload",
        FrameErrorCode.UnknownType => "unknown_type",
        FrameErrorCode.MsgPackDecodeError => "msgpack_decode_error",
        _ => "payload_not_a_map",
    };

    /// <summary>A sentence for a log.</summary>
    public override string ToString() => Code switch
    {
        FrameErrorCode.None => "No fault.",
        FrameErrorCode.InvalidHeader => "A frame has at least 8 bytes.",
        FrameErrorCode.UnsupportedVersion => $"Version byte {Value} where 1 is expected.",
        FrameErrorCode.FrameTooLarge => $"A payload of {Value} bytes is above the limit.",
        FrameErrorCode.IncompletePayload => "The payload is shorter than announced.",
        FrameErrorCode.UnknownType => $"Unknown frame type 0x{Value:x2}.",
        FrameErrorCode.MsgPackDecodeError => "The payload is not one MessagePack value.",
        _ => "The payload is no MessagePack map.",
    };
}
