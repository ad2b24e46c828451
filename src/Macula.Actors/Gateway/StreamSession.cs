using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>One stream of a connection with its writer.</summary>
internal sealed class StreamSession(IQuicStream stream, StreamWriter writer)
{
    public IQuicStream Stream { get; } = stream;

    public StreamWriter Writer { get; } = writer;

    /// <summary>Whether it is the first that the client opened (RFC 9000, section 2.1), where CONNECT comes.</summary>
    public bool IsFirst => Stream.Id == 0;
}
