using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Gateway.ListenerProtocol;

namespace Macula.Actors.Gateway;

/// <summary>Listens on one address; one child per connection, up to the limit.</summary>
/// <remarks>Connections are accepted one at a time: the next is asked for when the last has its actor. A connection
/// that fails is stopped, never restarted: its peer connects again. This actor itself is resumed when it fails, never
/// restarted, for a restart would take the connections along.</remarks>
public sealed class QuicListenerActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IQuicProvider _provider;
    private readonly QuicListenOptions _listen;
    private readonly Func<IQuicConnection, Props> _connectionProps;
    private readonly GatewayMetrics _metrics;
    private readonly BoundedTable _connections;
    private readonly Dictionary<IActorRef, (long Round, HashSet<IActorRef> Connections)> _announcing = [];
    private IQuicListener? _listener;
    private bool _isOpening = true;
    private long _ownConnections;
    private long _lastConnection;

    public static Props Props(
        IQuicProvider provider, QuicListenOptions listen, Func<IQuicConnection, Props> connectionProps,
        BoundedTable connections, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new QuicListenerActor(provider, listen, connectionProps, connections, metrics));

    /// <param name="connections">Counts the connections of all listeners of the node.</param>
    public QuicListenerActor(
        IQuicProvider provider, QuicListenOptions listen, Func<IQuicConnection, Props> connectionProps,
        BoundedTable connections, GatewayMetrics metrics)
    {
        (_provider, _connectionProps, _connections, _metrics) = (provider, connectionProps, connections, metrics);
        _listen = listen with { OnHandshakeFailed = (_, _) => metrics.ConnectionRefused("handshake_failed") };
        Listening();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override SupervisorStrategy SupervisorStrategy() =>
        new OneForOneStrategy(cause =>
        {
            _log.Error(cause, "A connection failed and was closed");
            return Directive.Stop;
        });

    protected override void PreStart() => OpenAsync().PipeTo(
        Self, success: listener => new Opened(listener), failure: e => new NotOpened(e));

    protected override void PostStop()
    {
        if (_listener is not null) _ = _listener.DisposeAsync().AsTask();
        for (; _ownConnections > 0; _ownConnections--) _connections.Remove(); // those that end together with it
    }

    // Async, because a provider may throw before it returns a task.
    private async Task<IQuicListener> OpenAsync() => await _provider.ListenAsync(_listen);

    private void Listening()
    {
        Receive<Opened>(OnOpened);
        Receive<NotOpened>(OnNotOpened);
        Receive<Accepted>(OnAccepted);
        Receive<AcceptFailed>(OnAcceptFailed);
        Receive<Tick>(_ => Accept());
        Receive<Announce>(OnAnnounce);
        Receive<Announced>(msg => OnAnnounced(msg, Sender));
        Receive<MemoryProtocol.LevelChanged>(OnLevelChanged);
        Receive<Shutdown>(_ => OnShutdown());
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
    }

    private void ShuttingDown()
    {
        Receive<Opened>(msg =>
        {
            (_listener, _isOpening) = (msg.Listener, false);
            StopIfEmpty();
        });
        Receive<NotOpened>(_ => Context.Stop(Self));
        Receive<Accepted>(msg => TurnAway(msg.Connection, DisconnectReason.ShuttingDown, "The node is shutting down."));
        Receive<Terminated>(msg =>
        {
            OnTerminated(msg.ActorRef);
            StopIfEmpty();
        });
        ReceiveAny(_ => { });
    }

    private void OnOpened(Opened msg)
    {
        (_listener, _isOpening) = (msg.Listener, false);
        Context.Parent.Tell(new Bound(_listener.LocalEndPoint));
        Accept();
    }

    private void OnNotOpened(NotOpened msg)
    {
        Context.Parent.Tell(new NotBound(msg.Cause));
        Context.Stop(Self);
    }

    private void Accept() => AcceptAsync(_listener!).PipeTo(
        Self, success: connection => new Accepted(connection), failure: e => new AcceptFailed(e));

    // Async, because a provider may throw before it returns a task: without the next connection the node would be deaf.
    private static async Task<IQuicConnection> AcceptAsync(IQuicListener listener) =>
        await listener.AcceptConnectionAsync();

    private void OnAccepted(Accepted msg)
    {
        Accept();
        if (!_connections.TryAdd())
        {
            TurnAway(
                msg.Connection, DisconnectReason.MaxClientsReached, "The node has as many connections as it may.");
            return;
        }

        try
        {
            Context.Watch(Context.ActorOf(_connectionProps(msg.Connection), $"conn-{++_lastConnection}"));
        }
        catch
        {
            _connections.Remove();
            TurnAway(msg.Connection, DisconnectReason.InternalError, "The node failed; connect again.");
            throw;
        }

        _metrics.ConnectionAccepted();
        _ownConnections++;
    }

    private void OnTerminated(IActorRef connection)
    {
        _ownConnections--;
        _connections.Remove();
        foreach (var (concern, announcing) in _announcing.ToArray())
            OnAnnounced(new Announced(concern, announcing.Round), connection);
    }

    private void OnAnnounce(Announce msg)
    {
        _announcing[msg.Concern] = (msg.Round, [.. Context.GetChildren()]);
        TellAll(new ConnectionProtocol.Announce(msg.Concern, msg.Round));
        OnAnnounced(new Announced(msg.Concern, msg.Round), ActorRefs.Nobody); // when there is no connection
    }

    private void OnAnnounced(Announced msg, IActorRef connection)
    {
        if (!_announcing.TryGetValue(msg.Concern, out var announcing) || announcing.Round != msg.Round) return;
        announcing.Connections.Remove(connection);
        if (announcing.Connections.Count > 0) return;
        _announcing.Remove(msg.Concern);
        Context.Parent.Tell(msg);
    }

    private void OnAcceptFailed(AcceptFailed msg)
    {
        // Peers' failed handshakes never come here: this is the listener's own trouble.
        _log.Error(msg.Cause, "Accepting connections on {EndPoint} failed, trying again", _listener!.LocalEndPoint);
        Timers.StartSingleTimer(Tick.Retry, Tick.Retry, RetryDelay);
    }

    // The shrunk bound itself is shared; this is for the queues of peers that take nothing and are sent nothing.
    private static void OnLevelChanged(MemoryProtocol.LevelChanged msg)
    {
        if (msg.Level >= MemoryLevel.ShrinkQueues) TellAll(ConnectionProtocol.TrimQueues.Instance);
    }

    private void OnShutdown()
    {
        Become(ShuttingDown);
        if (_listener is not null) _ = _listener.DisposeAsync().AsTask();
        _listener = null;
        TellAll(new ConnectionProtocol.Close(DisconnectReason.ShuttingDown, "The node is shutting down."));
        StopIfEmpty();
    }

    private static void TellAll(IToConnection message)
    {
        foreach (var connection in Context.GetChildren()) connection.Tell(message);
    }

    private void StopIfEmpty()
    {
        if (_isOpening) return; // or the port would stay taken, with nobody there to close it
        if (!Context.GetChildren().Any()) Context.Stop(Self);
    }

    private void TurnAway(IQuicConnection connection, DisconnectReason reason, string message)
    {
        _metrics.ConnectionRefused(reason.Text());
        connection.Abort(reason.Code(), message);
        _ = connection.DisposeAsync().AsTask();
    }

    private sealed record Opened(IQuicListener Listener) : ILocal;

    private sealed record NotOpened(Exception Cause) : ILocal;

    private sealed record Accepted(IQuicConnection Connection) : ILocal;

    private sealed record AcceptFailed(Exception Cause) : ILocal;

    private enum Tick
    {
        Retry,
    }
}
