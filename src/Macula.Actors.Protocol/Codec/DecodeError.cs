namespace Macula.Actors.Protocol;

/// <summary>Why a payload is not the message it should be.</summary>
public enum DecodeErrorCode : byte
{
    None,

    /// <summary>Not exactly one well-formed MessagePack value: truncated, trailing bytes, an ext
    /// type, invalid UTF-8 in a str, or nested deeper than
    /// <see cref="ProtocolLimits.MaxDepth"/>.</summary>
    MsgPack,

    /// <summary>Well-formed, but no map.</summary>
    NotAMap,

    /// <summary>A required field is missing.</summary>
    MissingField,

    /// <summary>A field is of another kind than its table says.</summary>
    WrongKind,

    /// <summary>A field is of the right kind and outside its bounds.</summary>
    OutOfRange,
}

/// <summary>A fault of a payload: an expected answer to what a peer sent, never thrown.</summary>
/// <param name="Code">What is wrong.</param>
/// <param name="Field">The field's name, if one is to blame.</param>
public readonly record struct DecodeError(DecodeErrorCode Code, string? Field = null)
{
    /// <summary>Stable snake_case text of <see cref="Code"/>.</summary>
    public string CodeText => Code switch
    {
        DecodeErrorCode.None => "none",
        DecodeErrorCode.MsgPack => "msgpack_decode_error",
        DecodeErrorCode.NotAMap => "payload_not_a_map",
        DecodeErrorCode.MissingField => "missing_field",
        DecodeErrorCode.WrongKind => "wrong_kind",
        _ => "out_of_range",
    };

    /// <summary>A sentence for logs and for the peer.</summary>
    public override string ToString() => Code switch
    {
        DecodeErrorCode.None => "No fault.",
        DecodeErrorCode.MsgPack => "The payload is not one well-formed MessagePack value.",
        DecodeErrorCode.NotAMap => "The payload is no MessagePack map.",
        DecodeErrorCode.MissingField => $"The field '{Field}' is missing.",
        DecodeErrorCode.WrongKind => $"The field '{Field}' is of the wrong kind.",
        _ => $"The field '{Field}' is out of range.",
    };
}
