using System.Globalization;
using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Clients;
using Macula.Actors.Gateway;
using Macula.Actors.Mesh;
using Macula.Actors.Protocol;
using Macula.Actors.Registry;
using Macula.Actors.Rpc;
using static Macula.Actors.Rpc.RpcProtocol;

namespace Macula.Actors.Tests.Models;

/// <summary>Calls by the number that their arguments have, each in one place: with those who look for its providers, at
/// a stream, at an actor, at a peer, or passed on. The registry, the clients and the mesh are silent until a step of the
/// history makes them say something, once, late, or never.</summary>
internal sealed class RpcModel : IModel
{
    private const int MaxCalls = 6;
    private const int MaxPerClient = 3;
    private const int MaxPerHandler = 2;
    private const int MaxHandlers = 3;
    private const int MaxLookups = 3;
    private const int MaxAttempts = 3;
    private const int MaxHops = 5;
    private const int MaxBytes = 450;
    private const int Streams = 6; // two a connection
    private const int Actors = 3;
    private const int Procedures = 4;
    private const int Ids = 3;
    private const int Far = 2; // nodes that calls are routed from, and to
    private const int Memory = 12; // of what was said, to say it again or late

    private static readonly NodeId Self = NodeId.Parse("gateway");
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LookupTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>Call, call of an actor, routed call, registry's answer, reply, completion, peer's answer, clients'
    /// answer, hops, routed reply, cancel, stream ends, connection dies, actor dies, register, full or not, wait, crash.
    /// </summary>
    public static readonly int[] Kinds = [12, 5, 6, 16, 8, 6, 12, 4, 4, 4, 4, 2, 2, 1, 3, 3, 6, 1];

    private readonly Events _events = new();
    private readonly ReadCredit _credit = new(10_000, 100_000_000);
    private readonly ModelWorld _world;
    private readonly TestKit _kit;
    private readonly IReadOnlyDictionary<string, IBoundedTable> _tables;
    private readonly Told _registry;
    private readonly Told _clients;
    private readonly Told _mesh;
    private readonly Stream[] _streams = new Stream[Streams];
    private readonly Local[] _actors = new Local[Actors];
    private readonly Dictionary<int, Pending> _calls = [];
    private readonly List<Lookup> _lookups = [];
    private readonly Dictionary<string, Local> _handlers = [];
    private readonly Dictionary<(Told Connection, int Id), Pending> _newest = [];
    private readonly Dictionary<(NodeId Source, int Id), Pending> _passedOn = [];
    private readonly Dictionary<CallId, int> _known = []; // what providers see as ids
    private readonly Dictionary<ulong, Asked> _asked = []; // exchanges with peers, over ones included
    private readonly List<RegistryProtocol.FindProviders> _questions = [];
    private readonly List<RegistryProtocol.FindNextHops> _ways = [];
    private readonly List<ClientProtocol.Deliver> _deliveries = [];
    private readonly List<(Stream Provider, CallId Id)> _sent = [];
    private readonly List<(Local Handler, Invoke Invoke)> _invoked = [];
    private readonly List<ulong> _exchanges = [];
    private readonly HashSet<ulong> _replies = []; // that wait for their next hop
    private int _last;
    private int _leases; // held by others

    public RpcModel(TestKit kit)
    {
        _kit = kit;
        // On a tick, so that nothing is due between two.
        kit.Advance(Tick - TimeSpan.FromTicks(Now.Ticks % Tick.Ticks));
        var options = TestOptions.Defaults.Rpc with
        {
            MaxPendingCalls = MaxCalls,
            MaxPendingCallsPerClient = MaxPerClient,
            MaxCallsPerHandler = MaxPerHandler,
            MaxHandlers = MaxHandlers,
            MaxPendingLookups = MaxLookups,
            MaxAttempts = MaxAttempts,
            MaxHops = MaxHops,
            MaxPendingBytes = MaxBytes,
            MaxPendingBytesPerClient = MaxBytes,
            LookupTimeout = LookupTimeout,
            Strategy = SelectionStrategy.First,
            CallTimeout = TimeSpan.FromSeconds(2),
            MaxCallTimeout = TimeSpan.FromSeconds(3),
            MaxProcedureLength = 4,
        };
        Told? registry = null, clients = null, mesh = null;
        _world = new ModelWorld(
            kit,
            (census, metrics) => RpcActor.Props(
                options, Self, registry!.Actor, clients!.Actor, mesh!.Actor, census, metrics),
            Announce,
            world => (registry, clients, mesh) = (world.Someone(), world.Someone(), world.Someone()));
        _tables = _world.Census.Tables.ToDictionary(table => table.Name);
        (_registry, _clients, _mesh) = (registry!, clients!, mesh!);
        for (var i = 0; i < Streams; i += 2) NewConnection(i);
        for (var i = 0; i < Actors; i++) _actors[i] = new Local($"actor{i}", _world.Someone());
    }

    private TimeSpan Now => _kit.Sys.Scheduler.Elapsed();

    private long Waiting => _lookups.Count + _replies.Count;

    public void Take(Step step)
    {
        var (a, b, c) = (step.A, step.B, step.C);
        switch (step.Kind)
        {
            case 0: Call(_streams[a % Streams], b % Procedures, c % Ids, a * 20 % 4_000); break;
            case 1: CallLocal(_actors[a % Actors], b % Procedures, c * 20 % 4_000); break;
            case 2: RouteCall(_streams[a % Streams], b, c); break;
            case 3: AnswerLookup(a, b, c); break;
            case 4: Reply(a, b, c); break;
            case 5: Complete(a, b, c); break;
            case 6: AnswerExchange(a, b, c); break;
            case 7: AnswerDelivery(a, b); break;
            case 8: AnswerHops(a, b); break;
            case 9: RouteReply(a, b, c); break;
            case 10: Cancel(_streams[a % Streams], b % Ids); break;
            case 11: EndStream(a % Streams); break;
            case 12: EndConnection(a % Streams / 2 * 2); break;
            case 13: EndActor(a % Actors); break;
            case 14: Register(a % Procedures, _actors[b % Actors]); break;
            case 15: _streams[a % Streams].Sink.IsOpen = b % 3 > 0; break;
            case 16: Advance(TimeSpan.FromMilliseconds(20 * (1 + (a % (b % 5 == 0 ? 60 : 6))))); break;
            default: Crash(); break;
        }

        Check();
    }

    public void End()
    {
        for (var i = 0; i < Actors; i++)
        {
            EndActor(i);
            Check();
        }

        do
        {
            AnswerLookup(0, 0, 0);
            AnswerDelivery(0, 0);
            AnswerHops(0, 0);
            Check();
        }
        while (_questions.Count + _deliveries.Count + _ways.Count > 0);
        Advance(TimeSpan.FromSeconds(4)); // all deadlines
        Check();
        Assert.Empty(_calls);
        Advance(TimeSpan.FromSeconds(1)); // those without calls are kept for a second
        Advance(Tick);
        Assert.All(_tables.Values, table => Assert.Equal((table.Name, 0), (table.Name, table.Size)));
        Assert.Equal(0, _credit.Frames);
    }

    public void Dispose()
    {
        foreach (var stream in _streams) stream.Connection.Die();
        foreach (var actor in _actors) actor.Told.Die();
        foreach (var neighbour in (Told[])[_registry, _clients, _mesh]) neighbour.Die();
        _world.Dispose();
    }

    private void Check()
    {
        See();
        _events.Compare();
        Assert.Equal(_calls.Count, _tables["rpc.pending_calls"].Size);
        Assert.Equal(_calls.Values.Sum(call => call.Bytes), _tables["rpc.pending_bytes"].Size);
        Assert.Equal(Waiting, _tables["rpc.pending_lookups"].Size);
        Assert.Equal(_handlers.Count, _tables["rpc.handlers"].Size);
        Assert.Equal(_leases + _replies.Count, _credit.Frames);
        foreach (var table in _tables.Values) Assert.InRange(table.Size, 0, table.Limit);
        // Those without calls stay for a while.
        Assert.InRange(_tables["rpc.callers"].Size, Parties(), (Streams / 2) + Actors);
    }

    private int Parties() => _calls.Values
        .SelectMany(call => (Told?[])[call.Caller, call.Provider?.Connection])
        .Where(party => party is not null).Distinct().Count();

    // ---- calls

    private void Call(Stream caller, int procedure, int id, int timeout)
    {
        var call = new Pending(++_last, $"p{procedure}") { From = caller, Caller = caller.Connection, Id = id };
        var message = Message(call, timeout);
        Enter(call, message, () => _world.Concern.Tell(new Call(caller.Sink, message, Lease())));
    }

    private void CallLocal(Local caller, int procedure, int timeout)
    {
        var call = new Pending(++_last, $"p{procedure}") { Actor = caller, Caller = caller.Told };
        var message = Message(call, Math.Max(timeout, 1));
        Enter(call, message, () => _world.Concern.Tell(
            new CallLocal(
                call.Procedure, message.Args, TimeSpan.FromMilliseconds(message.Timeout!.Value), (ulong)call.Number),
            caller.Told.Actor));
    }

    private void RouteCall(Stream from, int b, int c)
    {
        var source = NodeId.Parse($"far{b % Far}");
        var call = new Pending(++_last, $"p{b / Far % Procedures}")
        {
            From = from,
            Caller = from.Connection,
            Id = c % Ids,
            Source = source,
            Hops = b % 11 % (MaxHops + 1),
            Destination = c % 4 == 0 ? default : NodeId.Parse($"to{c % Far}"),
        };
        var message = Message(call, c * 20 % 4_000);
        var destination = call.Destination.IsEmpty ? Self : call.Destination;
        var route = RpcRouteMessage.ForCall(destination, source, message) with { HopCount = call.Hops };
        Enter(call, message, () => _world.Concern.Tell(new Route(from.Sink, route, Lease())), route);
    }

    private CallMessage Message(Pending call, int timeout) =>
        new(call.Procedure, Wire.Bytes(Text(call.Number)), Wire.Id(call.Id), Timeout: timeout == 0 ? null : timeout);

    private void Enter(Pending call, CallMessage message, Action tell, RpcRouteMessage? route = null)
    {
        var timeout = Math.Min(message.Timeout ?? 2_000, 3_000);
        call.Due = Now + TimeSpan.FromMilliseconds(timeout);
        var handler = call.Destination.IsEmpty ? _handlers.GetValueOrDefault(call.Procedure) : null;
        var isLocal = !call.Source.IsEmpty;
        var lookup = _lookups.Find(each => (each.Procedure, each.IsLocal) == (call.Procedure, isLocal));
        call.Bytes = handler is not null ? call.Procedure.Length + message.Args.Length
            : call.Destination.IsEmpty ? (message with { CallId = Wire.Id(0), Timeout = timeout }).ToFrame().Length
            : route!.ToFrame().Length;
        tell();
        if (_calls.Count == MaxCalls
            || _calls.Values.Count(other => other.Caller == call.Caller) == MaxPerClient
            || handler?.Running.Count == MaxPerHandler
            || _calls.Values.Sum(other => other.Bytes) + call.Bytes > MaxBytes
            || (handler is null && lookup is null && Waiting == MaxLookups))
        {
            Expect(call, ReplyErrorCodes.Overloaded);
            return;
        }

        _calls.Add(call.Number, call);
        if (call.From is not null) _newest[(call.Caller, call.Id)] = call;
        if (!call.Destination.IsEmpty) _passedOn[(call.Source, call.Id)] = call;
        if (handler is not null)
        {
            call.Handler = handler;
            _events.Expect($"invoke {handler} {call}");
            return;
        }

        if (lookup is null || lookup.Asked is not null) _events.Expect($"find {call.Procedure}");
        if (lookup is null) _lookups.Add(lookup = new Lookup(call.Procedure, isLocal));
        call.Lookup = lookup;
        lookup.Waiting.Add(call);
    }

    // ---- lookups

    private void AnswerLookup(int a, int b, int c)
    {
        if (_questions.Count == 0) return;
        var at = a % _questions.Count;
        var question = _questions[at];
        _questions.RemoveAt(at);
        Return(question.Lease);
        // One provider more for each bit; those of this node come first.
        List<RegistryProtocol.Provider> live = [];
        if (b % 4 > 0)
        {
            for (var i = 0; i < 4; i++)
                if ((c >> i) % 2 == 1) live.Add(new(NodeId.Parse($"to{i % 3}"), _streams[(a + i) % Streams].Sink));
            for (var i = 0; i < 2; i++)
                if ((c >> (4 + i)) % 2 == 1) live.Add(new(NodeId.Parse($"there{i}"), null, Peer(i)));
        }

        RegistryProtocol.Peer[] ask = [.. Enumerable.Range(0, c / 64 % 3).Select(Peer)];
        var lookup = _lookups.Find(each => each.Id == question.Id);
        _world.Concern.Tell(new RegistryProtocol.Providers(question.Id, live, 0, ask));
        if (lookup is null) return;
        if (live.Count > 0) Found(lookup, live);
        else if (lookup.Asked is not null) return;
        else if (lookup.IsLocal || ask.Length == 0) Missed(lookup);
        else
        {
            (lookup.Asked, lookup.Due) = ([], Now + LookupTimeout);
            foreach (var peer in ask) _events.Expect($"ask {peer.Node} {lookup.Procedure}");
        }
    }

    private void Found(Lookup lookup, IReadOnlyList<RegistryProtocol.Provider> live)
    {
        Close(lookup);
        foreach (var call in lookup.Waiting)
        {
            call.Lookup = null;
            var candidates = call.Source.IsEmpty ? live : live.Where(each => each.Stream is not null);
            if (!call.Destination.IsEmpty) candidates = candidates.Where(each => each.Node == call.Destination).Take(1);
            call.Candidates = new(candidates);
            if (call.Candidates.Count > 0) TryNext(call);
            else NotFound(call, false);
        }
    }

    private void Missed(Lookup lookup)
    {
        Close(lookup);
        foreach (var call in lookup.Waiting)
        {
            call.Lookup = null;
            NotFound(call, lookup.IsUncertain);
        }
    }

    private void NotFound(Pending call, bool isUncertain)
    {
        if (!call.Destination.IsEmpty) _events.Expect($"deliver {call.Destination} {call}");
        else if (isUncertain) Answer(call, ReplyErrorCodes.Timeout);
        else Answer(call, call.Source.IsEmpty ? ReplyErrorCodes.NoSuchProcedure : ReplyErrorCodes.NoHandler);
    }

    private void Close(Lookup lookup)
    {
        _lookups.Remove(lookup);
        foreach (var id in lookup.Asked ?? []) GiveUp(id);
    }

    private void GiveUp(ulong exchange)
    {
        _asked[exchange].IsOver = true;
        _events.Expect($"give up {exchange}");
    }

    // ---- attempts

    private void TryNext(Pending call)
    {
        while (call.Attempts < MaxAttempts && call.Candidates.TryDequeue(out var next))
        {
            call.Attempts++;
            if (next.Peer is { } peer)
            {
                _events.Expect($"exchange {peer.Node} {call}");
                return;
            }

            if (next.Stream is ModelSink { IsOpen: true } sink)
            {
                call.Provider = _streams.Single(stream => stream.Sink == sink);
                _events.Expect($"call {call.Provider} {call}");
                return;
            }

            call.Failed(ReplyErrorCodes.Overloaded);
        }

        Answer(call, call.Failure ?? ReplyErrorCodes.NoRoute);
    }

    private void FailOver(Pending call, string code)
    {
        (call.Provider, call.Handler, call.Exchange) = (null, null, 0);
        call.Failed(code);
        TryNext(call);
    }

    // ---- answers

    private void Reply(int a, int b, int c)
    {
        if (_sent.Count == 0) return;
        var (provider, id) = _sent[a % _sent.Count];
        if (b % 4 == 0) provider = _streams[c % Streams]; // a wrong one, or another stream of the right one
        var reply = new ReplyMessage(id, Wire.Bytes("ok"));
        _world.Concern.Tell(new Reply(provider.Sink, reply, Lease()));
        if (_calls.TryGetValue(_known[id], out var call) && call.Provider?.Connection == provider.Connection)
            Answer(call, "ok");
    }

    private void Complete(int a, int b, int c)
    {
        if (_invoked.Count == 0) return;
        var (handler, invoke) = _invoked[a % _invoked.Count];
        if (b % 5 == 0) handler = _actors[c % Actors];
        var completed = c % 3 == 0 ? invoke.Fail("broken", "It broke.") : invoke.Succeed(Wire.Bytes("ok"));
        _world.Concern.Tell(completed, handler.Told.Actor);
        handler.Running.Remove(invoke.Id);
        if (_calls.TryGetValue(Number(invoke.Args), out var call) && call.Handler == handler)
            Answer(call, completed.Code ?? "ok");
    }

    private void AnswerExchange(int a, int b, int c)
    {
        if (_exchanges.Count == 0) return;
        var id = _exchanges[a % _exchanges.Count];
        var asked = _asked[id];
        var isNews = !asked.IsOver;
        asked.IsOver = true;
        if (b % 3 == 0)
        {
            var reason = (MeshRefusal)(c % Enum.GetValues<MeshRefusal>().Length);
            _world.Concern.Tell(new MeshProtocol.ExchangeFailed(id, asked.Exchange.Peer, reason, "It did not work.", asked.Exchange.Address));
            if (reason == MeshRefusal.ConnectFailed) _events.Expect($"failed {asked.Exchange.Peer}");
            if (!isNews) return;
            if (asked.Lookup is { } lookup) PeerFailed(lookup, id, reason == MeshRefusal.Timeout);
            else FailOver(asked.Call!, Code(reason));
            return;
        }

        if (asked.Lookup is { } question) AnswerFindValue(id, asked.Exchange, question, isNews, b, c);
        else AnswerCall(id, asked, isNews, b, c);
    }

    private void PeerFailed(Lookup lookup, ulong exchange, bool isUncertain)
    {
        lookup.IsUncertain |= isUncertain;
        lookup.Asked!.Remove(exchange);
        if (lookup.Asked.Count == 0) Missed(lookup);
    }

    private void AnswerFindValue(
        ulong id, MeshProtocol.Exchange exchange, Lookup lookup, bool isNews, int b, int c)
    {
        var peer = Peer(int.Parse(exchange.Peer.ToString()[4..], CultureInfo.InvariantCulture));
        List<RegistryProtocol.Provider> found = [];
        for (var i = 0; i < b % 4 % 3; i++) found.Add(new(NodeId.Parse($"there{i}"), null, peer));
        var answer = found.Count == 0
            ? FindValueReplyMessage.Missed([])
            : FindValueReplyMessage.Found(
                [.. found.Select(each => Wire.Record(each.Node.ToString(), 300, [0x80]))]);
        // They say themselves where they listen: tried last.
        found.AddRange(found.Select(each => new RegistryProtocol.Provider(
            each.Node, null, new(each.Node, new PeerAddress(each.Node.ToString(), 9443)))).ToList());
        Exchanged(id, exchange, answer);
        if (!isNews) return;
        lookup.Asked!.Remove(id);
        if (found.Count > 0)
        {
            _events.Expect($"learned {lookup.Procedure}");
            Found(lookup, found);
        }
        else if (lookup.Asked.Count == 0) Missed(lookup);
    }

    private void AnswerCall(ulong id, Asked asked, bool isNews, int b, int c)
    {
        var inner = asked.Inner!.Value;
        var (wire, code) = (b % 7 == 1 ? Wire.Id(99_999) : inner.CallId, c % 4 == 1 ? ReplyErrorCodes.NoHandler : "ok");
        var reply = code == "ok" ? new ReplyMessage(wire, Wire.Bytes("ok")) : ReplyMessage.Failed(wire, code, "");
        if (c % 2 == 0) Exchanged(id, asked.Exchange, reply);
        else Exchanged(id, asked.Exchange, RpcRouteMessage.ForReply(Self, asked.Exchange.Peer, reply));
        if (!isNews) return;
        if (wire != inner.CallId) FailOver(asked.Call!, ReplyErrorCodes.ProviderGone);
        else Replied(asked.Call!, code);
    }

    // That the call met nobody is no answer, unless it was passed on.
    private void Replied(Pending call, string code)
    {
        if (code != "ok" && call.Destination.IsEmpty) FailOver(call, code);
        else Answer(call, code);
    }

    private void Exchanged<T>(ulong id, MeshProtocol.Exchange exchange, T message)
        where T : IMessage
    {
        var frame = WireFrame.Parse(message.ToFrame());
        _world.Concern.Tell(new MeshProtocol.Exchanged(
            id, exchange.Peer, frame.Type, frame.Bytes[Frame.HeaderLength..]));
    }

    private static string Code(MeshRefusal reason) => reason switch
    {
        MeshRefusal.StreamFailed or MeshRefusal.Removed => ReplyErrorCodes.ProviderGone,
        MeshRefusal.PoolFull or MeshRefusal.TooManyWaiters or MeshRefusal.Overloaded => ReplyErrorCodes.Overloaded,
        MeshRefusal.Timeout => ReplyErrorCodes.Timeout,
        MeshRefusal.InternalError => ReplyErrorCodes.InternalError,
        MeshRefusal.FrameTooLarge => ReplyErrorCodes.InvalidRequest,
        _ => ReplyErrorCodes.NoRoute,
    };

    // ---- routes

    private void AnswerDelivery(int a, int b)
    {
        if (_deliveries.Count == 0) return;
        var at = a % _deliveries.Count;
        var deliver = _deliveries[at];
        _deliveries.RemoveAt(at);
        if (b % 4 == 0)
        {
            Return(deliver.Lease); // the client has it
            return;
        }

        var route = WireFrame.Parse(deliver.Frame).Route();
        var call = route.IsCall ? _calls.GetValueOrDefault(Number(Inner(route).Args)) : null;
        var isOverHops = route.HopCount >= MaxHops;
        if (route.IsReply) _leases--; // the actor has it again
        else Assert.Equal(default, deliver.Lease);
        _world.Concern.Tell(new ClientProtocol.NotConnected(deliver.Node, deliver.Tag, deliver.Lease));
        if (call is not null && isOverHops) Answer(call, ReplyErrorCodes.MaxHopsExceeded);
        else if (call is not null || (route.IsReply && !isOverHops && Waiting < MaxLookups))
            _events.Expect($"hops {route.Destination}");
        var known = _ways.Count;
        See();
        if (_ways.Count == known) return;
        if (call is not null) call.Way = _ways[^1].Id;
        else _replies.Add(_ways[^1].Id);
    }

    private void AnswerHops(int a, int b)
    {
        if (_ways.Count == 0) return;
        var at = a % _ways.Count;
        var way = _ways[at];
        _ways.RemoveAt(at);
        RegistryProtocol.Peer[] hops = [.. Enumerable.Range(1, b % 3).Select(Peer)];
        _world.Concern.Tell(new RegistryProtocol.NextHops(way.Id, hops));
        if (_replies.Remove(way.Id))
        {
            if (hops.Length > 0) _events.Expect($"send {hops[0].Node}");
        }
        else if (_calls.Values.FirstOrDefault(each => each.Way == way.Id) is { } call)
        {
            call.Candidates = new(hops.Select(peer => new RegistryProtocol.Provider(default, null, peer)));
            TryNext(call);
        }
    }

    private void RouteReply(int a, int b, int c)
    {
        if (b % 2 == 0) ReplyHere(a, c);
        else ReplyElsewhere(a, b, c);
    }

    // A peer that answers a call by a message of its own.
    private void ReplyHere(int a, int c)
    {
        if (_exchanges.Count == 0) return;
        var asked = _asked[_exchanges[a % _exchanges.Count]];
        if (asked.Inner is not { } inner) return;
        var source = c % 5 == 0 ? Peer(7).Node : asked.Exchange.Peer;
        var code = c % 3 == 0 ? ReplyErrorCodes.NoHandler : "ok";
        var reply = code == "ok"
            ? new ReplyMessage(inner.CallId, Wire.Bytes("ok"))
            : ReplyMessage.Failed(inner.CallId, code, "");
        _world.Concern.Tell(new Route(_streams[0].Sink, RpcRouteMessage.ForReply(Self, source, reply), Lease()));
        if (asked.IsOver || source != asked.Exchange.Peer || !asked.Call!.Destination.IsEmpty) return;
        GiveUp(asked.Exchange.Id);
        Replied(asked.Call, code);
    }

    private void ReplyElsewhere(int a, int b, int c)
    {
        var (to, id) = (NodeId.Parse($"far{a % Far}"), c % Ids);
        var reply = new ReplyMessage(Wire.Id(id), Wire.Bytes("ok"));
        var route = RpcRouteMessage.ForReply(to, NodeId.Parse("to0"), reply) with { HopCount = b % (MaxHops + 1) };
        _world.Concern.Tell(new Route(_streams[0].Sink, route, Lease()));
        if (!_passedOn.TryGetValue((to, id), out var call))
        {
            _events.Expect($"deliver {to} reply");
            return;
        }

        if (call.Exchange != 0) GiveUp(call.Exchange);
        Answer(call, "ok");
    }

    // ---- ends

    private void Cancel(Stream caller, int id)
    {
        var settled = caller.Sink.Settled;
        _world.Concern.Tell(new Cancel(caller.Sink, Wire.Id(id), Lease()));
        var isKnown = _newest.TryGetValue((caller.Connection, id), out var call)
            && (call.Source.IsEmpty || call.From == caller);
        if (isKnown) settled = call!.From == caller ? settled + 1 : settled;
        Assert.Equal(settled, caller.Sink.Settled);
        if (isKnown) Abandon(call!);
    }

    private void Abandon(Pending call)
    {
        if (call.Provider is { Sink.IsOpen: true } provider) _events.Expect($"cancel {provider} {call}");
        if (call.Exchange != 0) GiveUp(call.Exchange);
        Remove(call);
    }

    private void EndStream(int at)
    {
        var ended = _streams[at];
        ended.Sink.IsOpen = false;
        _world.Concern.Tell(new StreamEnded(ended.Sink));
        Gone(call => call.From == ended, call => call.Provider == ended);
        _streams[at] = new Stream(ended.Name, ended.Connection);
    }

    private void EndConnection(int first)
    {
        var connection = _streams[first].Connection;
        foreach (var stream in _streams[first..(first + 2)]) stream.Sink.IsOpen = false;
        connection.Die();
        Gone(call => call.Caller == connection, call => call.Provider?.Connection == connection);
        NewConnection(first);
    }

    private void EndActor(int at)
    {
        var actor = _actors[at];
        foreach (var (procedure, handler) in _handlers)
            if (handler == actor) _handlers.Remove(procedure);
        actor.Told.Die();
        Gone(call => call.Caller == actor.Told, call => call.Handler == actor);
        _actors[at] = new Local(actor.Name, _world.Someone());
    }

    private void Gone(Predicate<Pending> isCaller, Predicate<Pending> isProvider)
    {
        foreach (var call in _calls.Values.Where(call => isCaller(call)).ToList()) Abandon(call);
        foreach (var call in _calls.Values.Where(call => isProvider(call)).ToList())
            FailOver(call, ReplyErrorCodes.ProviderGone);
    }

    private void Advance(TimeSpan time)
    {
        _world.Advance(time);
        foreach (var call in _calls.Values.Where(call => call.Due <= Now).ToList())
        {
            Expect(call, ReplyErrorCodes.Timeout);
            Abandon(call);
        }

        foreach (var lookup in _lookups.Where(lookup => lookup.Due <= Now).ToList())
        {
            lookup.IsUncertain = true;
            Missed(lookup);
        }
    }

    private void Crash()
    {
        _world.Concern.Tell(Poison.For("rpc"));
        foreach (var call in _calls.Values.ToList())
        {
            Expect(call, ReplyErrorCodes.InternalError);
            Abandon(call);
        }

        _replies.Clear();
        foreach (var actor in _actors) actor.Running.Clear();
    }

    private void Answer(Pending call, string code)
    {
        Expect(call, code);
        Remove(call);
    }

    private void Expect(Pending call, string code)
    {
        if (call.Actor is { } actor) _events.Expect($"ended {actor} {call} {code}");
        else if (!call.From!.Sink.IsOpen) return;
        else if (call.Source.IsEmpty) _events.Expect($"reply {call.From} {Wire.Id(call.Id)} {code}");
        else _events.Expect($"routed {call.From} {call.Source} {Wire.Id(call.Id)} {code}");
    }

    private void Remove(Pending call)
    {
        _calls.Remove(call.Number);
        foreach (var key in _newest.Where(pair => pair.Value == call).Select(pair => pair.Key).ToList())
            _newest.Remove(key);
        foreach (var key in _passedOn.Where(pair => pair.Value == call).Select(pair => pair.Key).ToList())
            _passedOn.Remove(key);
        if (call.Lookup is not { } lookup) return;
        call.Lookup = null;
        lookup.Waiting.Remove(call);
        if (lookup.Waiting.Count == 0) Close(lookup);
    }

    // ---- handlers

    private void Register(int procedure, Local handler)
    {
        var name = $"p{procedure}";
        _world.Concern.Tell(new Register(name, handler.Told.Actor), handler.Told.Actor);
        if (_handlers.Count == MaxHandlers && !_handlers.ContainsKey(name))
        {
            _events.Expect($"register refused {name}");
            return;
        }

        _handlers[name] = handler;
        _events.Expect($"registered {name}");
    }

    // As the gateway does.
    private void Announce(IActorRef rpc)
    {
        foreach (var (procedure, handler) in _handlers)
        {
            rpc.Tell(new Register(procedure, handler.Told.Actor), handler.Told.Actor);
            _events.Expect($"registered {procedure}");
        }
    }

    private void NewConnection(int first)
    {
        var connection = _world.Someone();
        for (var i = first; i < first + 2; i++) _streams[i] = new Stream($"stream{i}", connection);
    }

    // ---- what the actor said

    private void See()
    {
        foreach (var stream in _streams) SeeFrames(stream);
        foreach (var actor in _actors) Each(actor.Told, message => SeeActor(actor, message));
        Each(_registry, SeeRegistry);
        Each(_clients, message => SeeDeliver((ClientProtocol.Deliver)message));
        Each(_mesh, SeeMesh);
    }

    private static void Each(Told told, Action<object> see)
    {
        foreach (var message in told.Messages) see(message);
        told.Messages.Clear();
    }

    private void SeeFrames(Stream stream)
    {
        foreach (var bytes in stream.Sink.Frames)
        {
            var frame = WireFrame.Parse(bytes);
            switch (frame.Type)
            {
                case FrameType.Call:
                    var call = frame.Call();
                    _known[call.CallId] = Number(call.Args);
                    Keep(_sent, (stream, call.CallId));
                    _events.See($"call {stream} #{Number(call.Args)}");
                    break;
                case FrameType.Cancel:
                    _events.See($"cancel {stream} #{_known[frame.Cancel().CallId]}");
                    break;
                case FrameType.Reply:
                    _events.See($"reply {stream} {frame.Reply().CallId} {Code(frame.Reply())}");
                    break;
                default:
                    var route = frame.Route();
                    Assert.True(ReplyMessage.TryDecode(route.Payload.AsPayload(), out var reply, out _));
                    _events.See($"routed {stream} {route.Destination} {reply.CallId} {Code(reply)}");
                    break;
            }
        }

        stream.Sink.Frames.Clear();
    }

    private void SeeActor(Local actor, object message)
    {
        switch (message)
        {
            case Invoke invoke:
                Keep(_invoked, (actor, invoke));
                actor.Running.Add(invoke.Id);
                _events.See($"invoke {actor} #{Number(invoke.Args)}");
                break;
            case CallEnded ended:
                _events.See($"ended {actor} #{ended.Id} {ended.Code ?? Wire.Text(ended.Result)}");
                break;
            case Registered registered:
                _events.See($"registered {registered.Procedure}");
                break;
            default:
                _events.See($"register refused {((RegisterRefused)message).Procedure}");
                break;
        }
    }

    private void SeeRegistry(object message)
    {
        switch (message)
        {
            case RegistryProtocol.FindProviders find:
                _questions.Add(find);
                if (find.Lease != default) _leases++;
                var procedure = Procedure(find.Key);
                foreach (var lookup in _lookups)
                    if (lookup.Id == 0 && lookup.Procedure == procedure) lookup.Id = find.Id;
                _events.See($"find {procedure}");
                break;
            case RegistryProtocol.FindNextHops find:
                _ways.Add(find);
                _events.See($"hops {find.Destination}");
                break;
            case RegistryProtocol.Learned learned:
                _events.See($"learned {Procedure(learned.Key)}");
                break;
            default:
                _events.See($"failed {((RegistryProtocol.PeerFailed)message).Peer.Node}");
                break;
        }
    }

    private void SeeDeliver(ClientProtocol.Deliver deliver)
    {
        _deliveries.Add(deliver);
        if (deliver.Lease != default) _leases++;
        var route = WireFrame.Parse(deliver.Frame).Route();
        _events.See($"deliver {deliver.Node} {(route.IsReply ? "reply" : $"#{Number(Inner(route).Args)}")}");
    }

    private void SeeMesh(object message)
    {
        switch (message)
        {
            case MeshProtocol.Exchange exchange:
                Keep(_exchanges, exchange.Id);
                _asked[exchange.Id] = SeeExchange(exchange);
                break;
            case MeshProtocol.Cancel cancel:
                _events.See($"give up {cancel.Id}");
                break;
            default:
                _events.See($"send {((MeshProtocol.Send)message).Peer}");
                break;
        }
    }

    private Asked SeeExchange(MeshProtocol.Exchange exchange)
    {
        var frame = WireFrame.Parse(exchange.Frame);
        if (frame.Type == FrameType.FindValue)
        {
            Assert.True(FindValueMessage.TryDecode(frame.Payload, out var find, out _));
            var procedure = Procedure(DhtKey.FromBytes(find.Key.Span));
            var lookup = _lookups.Single(each => each is { IsLocal: false } && each.Procedure == procedure);
            lookup.Asked!.Add(exchange.Id);
            _events.See($"ask {exchange.Peer} {procedure}");
            return new Asked(exchange, lookup, null, null);
        }

        var inner = Inner(frame.Route());
        _events.See($"exchange {exchange.Peer} #{Number(inner.Args)}");
        if (_calls.TryGetValue(Number(inner.Args), out var call)) call.Exchange = exchange.Id;
        return new Asked(exchange, null, call, inner);
    }

    private static CallMessage Inner(RpcRouteMessage route)
    {
        Assert.True(CallMessage.TryDecode(route.Payload.AsPayload(), out var call, out _));
        return call;
    }

    private static string Code(ReplyMessage reply) => reply.Error?.Code.ToString() ?? Wire.Text(reply.Result);

    private static string Procedure(DhtKey key) =>
        Enumerable.Range(0, Procedures).Select(i => $"p{i}").Single(name => DhtKey.ForName(name) == key);

    private static RegistryProtocol.Peer Peer(int i) => new(NodeId.Parse($"peer{i}"), new PeerAddress($"peer{i}", 9443));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int Number(ReadOnlyMemory<byte> args) => int.Parse(args.Span, CultureInfo.InvariantCulture);

    private static void Keep<T>(List<T> list, T item)
    {
        if (list.Count == Memory) list.RemoveAt(0);
        list.Add(item);
    }

    private FrameLease Lease() => _credit.TakeAsync(10).AsTask().Result;

    private void Return(FrameLease lease)
    {
        if (lease == default) return;
        lease.Return();
        _leases--;
    }

    private sealed class Stream(string name, Told connection)
    {
        public string Name { get; } = name;

        public Told Connection { get; } = connection;

        public ModelSink Sink { get; } = new(connection);

        public override string ToString() => Name;
    }

    private sealed class Local(string name, Told told)
    {
        public string Name { get; } = name;

        public Told Told { get; } = told;

        /// <summary>What it has not completed.</summary>
        public HashSet<ulong> Running { get; } = [];

        public override string ToString() => Name;
    }

    private sealed class Lookup(string procedure, bool isLocal)
    {
        public string Procedure { get; } = procedure;

        public bool IsLocal { get; } = isLocal;

        public ulong Id { get; set; }

        public List<Pending> Waiting { get; } = [];

        /// <summary>Exchanges that are not over; null until peers are asked.</summary>
        public HashSet<ulong>? Asked { get; set; }

        public TimeSpan Due { get; set; } = TimeSpan.MaxValue;

        public bool IsUncertain { get; set; }
    }

    private sealed record Asked(MeshProtocol.Exchange Exchange, Lookup? Lookup, Pending? Call, CallMessage? Inner)
    {
        public bool IsOver { get; set; }
    }

    private sealed class Pending(int number, string procedure)
    {
        public int Number { get; } = number;

        public string Procedure { get; } = procedure;

        /// <summary>The stream that it came on, or null.</summary>
        public Stream? From { get; init; }

        /// <summary>The actor that calls, or null.</summary>
        public Local? Actor { get; init; }

        public required Told Caller { get; init; }

        public int Id { get; init; }

        public NodeId Source { get; init; }

        public NodeId Destination { get; init; }

        public int Hops { get; init; }

        public int Bytes { get; set; }

        public TimeSpan Due { get; set; }

        public Lookup? Lookup { get; set; }

        public Queue<RegistryProtocol.Provider> Candidates { get; set; } = [];

        public int Attempts { get; set; }

        public string? Failure { get; private set; }

        public Stream? Provider { get; set; }

        public Local? Handler { get; set; }

        public ulong Exchange { get; set; }

        /// <summary>The question for its next hop.</summary>
        public ulong Way { get; set; }

        public void Failed(string code)
        {
            if (Failure is not (ReplyErrorCodes.ProviderGone or ReplyErrorCodes.InternalError)) Failure = code;
        }

        public override string ToString() => $"#{Number}";
    }
}
