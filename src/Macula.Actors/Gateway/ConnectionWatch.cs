using System.Runtime.CompilerServices;
using Akka.Actor;
using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>Tells a connection's actor of each stream that it asks for, and of the connection's end.</summary>
/// <remarks>It continues on the awaiters itself: an idle client waits for both, and PipeTo would keep a task, a state
/// machine and a delegate for each.</remarks>
internal sealed class ConnectionWatch
{
    private readonly IQuicConnection _connection;
    private readonly IActorRef _actor;
    private readonly Action _onStream;
    private ConfiguredValueTaskAwaitable<IQuicStream>.ConfiguredValueTaskAwaiter _stream;

    public ConnectionWatch(IQuicConnection connection, IActorRef actor)
    {
        (_connection, _actor, _onStream) = (connection, actor, OnStream);
        connection.Closed.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(OnClosed);
    }

    /// <summary>Asks for the next stream, which <see cref="ConnectionEvents.StreamOpened"/> brings, or
    /// <see cref="ConnectionEvents.NoMoreStreams"/>. Not while an answer is due.</summary>
    public void NextStream() => Await(_connection.AcceptStreamAsync());

    private void Await(ValueTask<IQuicStream> stream)
    {
        _stream = stream.ConfigureAwait(false).GetAwaiter();
        if (_stream.IsCompleted) OnStream();
        else _stream.UnsafeOnCompleted(_onStream);
    }

    private void OnStream()
    {
        var stream = _stream;
        _stream = default; // before the actor hears of it, and asks for the next
        object told;
        try
        {
            told = new ConnectionEvents.StreamOpened(stream.GetResult());
        }
        catch (Exception) // whatever it is, there are no more
        {
            told = new ConnectionEvents.NoMoreStreams();
        }

        _actor.Tell(told, ActorRefs.NoSender);
    }

    // Closed never faults.
    private void OnClosed() =>
        _actor.Tell(
            new ConnectionEvents.ConnectionEnded(_connection.Closed.GetAwaiter().GetResult()), ActorRefs.NoSender);
}
