using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Clients;

/// <summary>Knows who is connected to this node: admits up to the limit, delivers, and supersedes.</summary>
/// <remarks>Between any two messages: each entry of <see cref="_clients"/> has exactly one in <see cref="_streams"/>,
/// under its node id; no stream is there without its client; each client is watched; there are at most MaxClients.
/// <see cref="Remove"/> is the only way out. An entry is told apart from a later one of the same node by its connection
/// actor, whose reference no other ever has: a late end of it meets nobody.</remarks>
public sealed class ClientManagerActor : ConcernActor
{
    private readonly Dictionary<IActorRef, ClientInfo> _clients = [];
    private readonly Dictionary<NodeId, IFrameSink> _streams = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly LogThrottle _rejections = new(TimeSpan.FromSeconds(1));
    private readonly ClientManagerOptions _options;
    private readonly GatewayMetrics _metrics;
    private readonly BoundedTable _clientTable;
    private readonly BoundedTable _streamTable;
    private bool _draining;
    private MemoryProtocol.LevelChanged _memory = new(MemoryLevel.Normal);

    public static Props Props(ClientManagerOptions options, TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new ClientManagerActor(options, census, metrics));

    public ClientManagerActor(ClientManagerOptions options, TableCensus census, GatewayMetrics metrics)
    {
        (_options, _metrics) = (options, metrics);
        _clientTable = census.Add("clients", options.MaxClients);
        _streamTable = census.Add("client_streams", options.MaxClients);
        Working();
    }

    protected override void Working()
    {
        Receive<Connect>(OnConnect);
        Receive<Deliver>(OnDeliver);
        Receive<Resume>(OnResume);
        Receive<Terminated>(msg => Remove(msg.ActorRef));
        Receive<Drain>(_ => _draining = true);
        Receive<MemoryProtocol.LevelChanged>(msg => _memory = msg);
    }

    protected override void Recovering()
    {
        Receive<Resume>(OnResume);
        Receive<Terminated>(msg => Remove(msg.ActorRef));
        Receive<Drain>(_ => _draining = true);
        Receive<MemoryProtocol.LevelChanged>(msg => _memory = msg);
    }

    private void OnConnect(Connect msg)
    {
        if (_draining) Refuse(msg.Client, DisconnectReason.ShuttingDown, TimeSpan.Zero);
        else if (_memory.Level >= MemoryLevel.RefuseClients && !IsKnown(msg.Client, msg.Stream)) RefuseForMemory(msg);
        else if (TryPut(msg.Client, msg.Stream)) Sender.Tell(new Admitted(msg.Client.Node));
    }

    private void OnResume(Resume msg) => TryPut(msg.Client, msg.Stream);

    private bool TryPut(ClientInfo client, IFrameSink stream)
    {
        var connection = stream.Connection;
        var previous = _streams.GetValueOrDefault(client.Node)?.Connection;
        if (!IsKnown(client, stream) && _clients.Count >= _options.MaxClients)
        {
            _clientTable.Reject();
            LogRejection(DisconnectReason.MaxClientsReached);
            Refuse(client, DisconnectReason.MaxClientsReached, _options.RetryAfter);
            return false;
        }

        if (previous is not null && !previous.Equals(connection))
        {
            // The newest wins: a roaming peer is back long before its dead link is noticed.
            Remove(previous);
            previous.Tell(Superseded.Instance);
        }

        Remove(connection); // it may come back under another node id
        Context.Watch(connection);
        _clients[connection] = client;
        _streams[client.Node] = stream;
        Count();
        return true;
    }

    // By its node or its connection: it takes the place of an entry, and adds none.
    private bool IsKnown(ClientInfo client, IFrameSink stream) =>
        _streams.ContainsKey(client.Node) || _clients.ContainsKey(stream.Connection);

    // Not those who announce themselves after a restart: they are inside.
    private void RefuseForMemory(Connect msg)
    {
        _clientTable.Reject(DisconnectReason.MemoryPressure.Text());
        LogRejection(DisconnectReason.MemoryPressure);
        Refuse(msg.Client, DisconnectReason.MemoryPressure, _memory.RetryAfter);
    }

    private void OnDeliver(Deliver msg)
    {
        if (_streams.GetValueOrDefault(msg.Node)?.TrySend(msg.Frame, FrameDelivery.Refusable) != true)
        {
            Sender.Tell(new NotConnected(msg.Node, msg.Tag, msg.Lease));
            return;
        }

        msg.From?.Settle();
        msg.Lease.Return();
    }

    private void Remove(IActorRef connection)
    {
        if (!_clients.Remove(connection, out var client)) return;
        _streams.Remove(client.Node);
        Context.Unwatch(connection);
        Count();
    }

    private void Count()
    {
        _clientTable.Set(_clients.Count);
        _streamTable.Set(_streams.Count);
    }

    private void Refuse(ClientInfo client, DisconnectReason reason, TimeSpan retryAfter)
    {
        _metrics.ConnectionRefused(reason.Text());
        Sender.Tell(new Refused(client.Node, reason, retryAfter));
    }

    private void LogRejection(DisconnectReason reason)
    {
        if (!_rejections.Admits(Context.System.Scheduler.Elapsed(), out var suppressed)) return;
        if (suppressed == 0) _log.Warning("Client connection rejected: {Reason}", reason.Text());
        else _log.Warning("Client connection rejected: {Reason} ({Suppressed} more not logged)", reason.Text(), suppressed);
    }
}
