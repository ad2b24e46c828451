namespace Macula.Actors.Transport.Pipes;

/// <summary>What a unidirectional stream says when it is asked for the direction that it does not have.</summary>
public static class StreamDirections
{
    public static InvalidOperationException NotReadable() =>
        new("this side opened the unidirectional stream and cannot read it; see IQuicStream.CanRead");

    public static InvalidOperationException NotWritable() =>
        new("the peer opened the unidirectional stream; this side cannot write to it; see IQuicStream.CanWrite");
}
