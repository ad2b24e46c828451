namespace Macula.Actors.Client.Internal;

/// <summary>A session ended, or did not begin. Stays inside; users get
/// <see cref="SessionEnd.Error"/>.</summary>
internal sealed class SessionFailedException(SessionEnd end) : Exception(end.Error.Message, end.Error)
{
    public SessionEnd End { get; } = end;
}
