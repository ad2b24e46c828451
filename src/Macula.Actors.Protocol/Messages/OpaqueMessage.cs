namespace Macula.Actors.Protocol;

/// <summary>A message whose type has an id and no schema, such as those of SWIM.</summary>
/// <param name="Type">Its type id.</param>
/// <param name="Payload">Its map, unread; a slice of a one-segment payload.</param>
public sealed record OpaqueMessage(FrameType Type, RawValue Payload) : IMessage
{
    /// <summary>Takes any sound map; <paramref name="error"/> says why not.</summary>
    public static bool TryDecode(
        in Frame frame, out OpaqueMessage message, out DecodeError error)
    {
        message = null!;
        error = new DecodeError(RawValue.Check(frame.Payload));
        if (error.Code != DecodeErrorCode.None) return false;

        message = new OpaqueMessage(
            frame.Type, new RawValue(MsgPackCursor.Contiguous(frame.Payload)));
        return true;
    }

    void IMessage.Write(ref PayloadWriter writer) => writer.Raw(Payload);
}
