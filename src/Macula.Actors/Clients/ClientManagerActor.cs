using Akka.Actor;
using Akka.Event;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Clients;

/// <summary>Knows who is connected to this node: admits up to the limit, delivers, supersedes, finds and drains.</summary>
/// <remarks>Between any two messages: each client is in <see cref="_clients"/> under its connection, in
/// <see cref="_streams"/> under its node id, and in <see cref="_order"/> at its place, or in none of them; each is watched;
/// there are at most MaxClients; and as the metrics count, attempts = accepted + rejected and accepted = clients + closed.
/// <see cref="Remove"/> is the only way out. A client is told apart from a later one of the same node by its connection
/// actor, whose reference no other ever has: a late end of it meets nobody.</remarks>
public sealed class ClientManagerActor : ConcernActor
{
    private readonly Dictionary<IActorRef, Client> _clients = new(ActorRefComparer.Instance);
    private readonly Dictionary<NodeId, Client> _streams = [];
    private readonly List<Client> _order = []; // of admission, but for those who took the place of one who left
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private long _session = Context.System.Scheduler.Elapsed().Ticks; // above those of a predecessor
    private readonly LogThrottle _rejections = new(TimeSpan.FromSeconds(1));
    private readonly ClientManagerOptions _options;
    private readonly GatewayMetrics _metrics;
    private readonly BoundedTable _clientTable;
    private readonly BoundedTable _streamTable;
    private MemoryProtocol.LevelChanged _memory = new(MemoryLevel.Normal);
    private IActorRef? _drainer; // while draining
    private int _untold; // of those in order, the first so many have yet to be told to go

    public static Props Props(ClientManagerOptions options, TableCensus census, GatewayMetrics metrics) =>
        Akka.Actor.Props.Create(() => new ClientManagerActor(options, census, metrics));

    public ClientManagerActor(ClientManagerOptions options, TableCensus census, GatewayMetrics metrics)
    {
        (_options, _metrics) = (options, metrics);
        _clientTable = census.Add("clients", options.MaxClients);
        _streamTable = census.Add("client_streams", options.MaxClients);
        Working();
    }

    protected override void PostStop()
    {
        if (_order.Count > 0) _metrics.ClientsClosed("manager_stopped", _order.Count);
        _clientTable.Set(0);
        _streamTable.Set(0);
        base.PostStop();
    }

    protected override void Working()
    {
        Receive<Connect>(OnConnect);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<Deliver>(OnDeliver);
        Receive<Resume>(OnResume);
        Receive<Find>(msg => Tell(_streams.GetValueOrDefault(msg.Node)));
        Receive<FindConnection>(msg => Tell(_clients.GetValueOrDefault(msg.Connection)));
        Receive<List>(OnList);
        Receive<Drain>(_ => OnDrain());
        Receive<Tick>(_ => SendBatchAway());
        Receive<MemoryProtocol.LevelChanged>(msg => _memory = msg);
    }

    protected override void Recovering()
    {
        Receive<Resume>(OnResume);
        Receive<Terminated>(msg => OnTerminated(msg.ActorRef));
        Receive<MemoryProtocol.LevelChanged>(msg => _memory = msg);
    }

    private void OnConnect(Connect msg)
    {
        if (_memory.Level >= MemoryLevel.RefuseClients && !IsKnown(msg.Client, msg.Stream) && _drainer is null)
            Reject(msg.Client, DisconnectReason.MemoryPressure, _memory.RetryAfter);
        else if (TryPut(msg.Client, msg.Stream)) Sender.Tell(new Admitted(msg.Client.Node, ++_session));
    }

    private void OnResume(Resume msg) => TryPut(msg.Client, msg.Stream);

    private bool TryPut(ClientInfo info, IFrameSink stream)
    {
        if (_clients.TryGetValue(stream.Connection, out var client))
        {
            Update(client, info, stream);
            return true;
        }

        var holder = _streams.GetValueOrDefault(info.Node);
        if (_drainer is not null) return Reject(info, DisconnectReason.Draining, _options.RetryAfter);
        if (holder is null && _order.Count >= _options.MaxClients)
            return Reject(info, DisconnectReason.MaxClientsReached, _options.RetryAfter);

        if (holder is not null) Supersede(holder);
        Add(new Client(info, stream));
        return true;
    }

    // By its node or its connection: it takes the place of an entry, and adds none.
    private bool IsKnown(ClientInfo client, IFrameSink stream) =>
        _streams.ContainsKey(client.Node) || _clients.ContainsKey(stream.Connection);

    // Also when the node is full: it takes nobody's place but that of the node whose id it takes.
    private void Update(Client client, ClientInfo info, IFrameSink stream)
    {
        if (client.Info.Node != info.Node)
        {
            if (_streams.TryGetValue(info.Node, out var holder)) Supersede(holder);
            _streams.Remove(client.Info.Node);
            _streams.Add(info.Node, client);
        }

        (client.Info, client.Stream) = (info, stream);
    }

    // The newest wins: a roaming peer is back long before its dead link is noticed.
    private void Supersede(Client client)
    {
        Context.Unwatch(client.Connection);
        Remove(client, DisconnectReason.SessionSuperseded.Text());
        client.Connection.Tell(Superseded.Instance);
    }

    private void Add(Client client)
    {
        Context.Watch(client.Connection);
        _clients.Add(client.Connection, client);
        _streams.Add(client.Info.Node, client);
        client.Place = _order.Count;
        _order.Add(client);
        _metrics.ClientAccepted();
        Count();
    }

    private void OnTerminated(IActorRef connection)
    {
        if (_clients.TryGetValue(connection, out var client)) Remove(client, "ended");
    }

    private void Remove(Client client, string reason)
    {
        _clients.Remove(client.Connection);
        _streams.Remove(client.Info.Node);
        var last = _order[^1];
        (_order[client.Place], last.Place) = (last, client.Place);
        _order.RemoveAt(_order.Count - 1);
        _metrics.ClientsClosed(reason, 1);
        Count();
    }

    private void Count()
    {
        _clientTable.Set(_clients.Count);
        _streamTable.Set(_streams.Count);
    }

    private bool Reject(ClientInfo info, DisconnectReason reason, TimeSpan retryAfter)
    {
        _clientTable.Reject(reason == DisconnectReason.MaxClientsReached ? BoundedTable.Full : reason.Text());
        if (reason != DisconnectReason.Draining) LogRejection(reason);
        _metrics.ClientRejected(reason.Text());
        _metrics.ConnectionRefused(reason.Text());
        Sender.Tell(new Refused(info.Node, reason, Spread(retryAfter)));
        return false;
    }

    // Not the same for all: those who were refused together would come back together.
    private TimeSpan Spread(TimeSpan retryAfter) =>
        retryAfter + TimeSpan.FromTicks(Random.Shared.NextInt64(_options.RetrySpread.Ticks + 1));

    private void LogRejection(DisconnectReason reason)
    {
        if (!_rejections.Admits(Context.System.Scheduler.Elapsed(), out var suppressed)) return;
        if (suppressed == 0) _log.Warning("Client connection rejected: {Reason}", reason.Text());
        else _log.Warning("Client connection rejected: {Reason} ({Suppressed} more not logged)", reason.Text(), suppressed);
    }

    private void OnDeliver(Deliver msg)
    {
        if (_streams.GetValueOrDefault(msg.Node)?.Stream.TrySend(msg.Frame, FrameDelivery.Refusable) != true)
        {
            Sender.Tell(new NotConnected(msg.Node, msg.Tag, msg.Lease));
            return;
        }

        msg.From?.Settle();
        msg.Lease.Return();
    }

    private void Tell(Client? client) => Sender.Tell(new Found(client?.Info, client?.Stream));

    // From the end to the start: whoever leaves meanwhile has its place taken by the last one, which was listed before,
    // so that nobody is passed over.
    private void OnList(List msg)
    {
        var end = Math.Clamp(msg.Before, 0, _order.Count);
        var start = Math.Max(0, end - Math.Clamp(msg.Count, 1, _options.MaxListPage));
        var page = new ClientInfo[end - start];
        for (var i = 0; i < page.Length; i++) page[i] = _order[end - 1 - i].Info;
        Sender.Tell(new Listed(page, start, _order.Count));
    }

    private void OnDrain()
    {
        _drainer = Sender;
        _untold = _order.Count;
        _log.Info("Draining: {Clients} clients are told to go elsewhere", _untold);
        Timers.StartPeriodicTimer(Tick.Drain, Tick.Drain, _options.DrainInterval);
        SendBatchAway();
    }

    // A batch at a time, or all clients would dial this node's neighbours in the same moment. In the same direction as a
    // list, for the same reason; whoever is told twice does not mind.
    private void SendBatchAway()
    {
        _untold = Math.Min(_untold, _order.Count);
        for (var left = Math.Min(_options.DrainBatch, _untold); left > 0; left--)
            _order[--_untold].Connection.Tell(new ConnectionProtocol.Close(
                DisconnectReason.Draining, "The node is leaving; connect to another one.", Spread(_options.RetryAfter)));

        if (_untold > 0) return;
        Timers.Cancel(Tick.Drain);
        _drainer!.Tell(Drained.Instance);
    }

    /// <summary>A connection whose CONNECT was accepted, until its end.</summary>
    private sealed class Client(ClientInfo info, IFrameSink stream)
    {
        public IActorRef Connection { get; } = stream.Connection;

        public ClientInfo Info { get; set; } = info;

        public IFrameSink Stream { get; set; } = stream;

        public int Place { get; set; }
    }

    private enum Tick
    {
        Drain,
    }
}
