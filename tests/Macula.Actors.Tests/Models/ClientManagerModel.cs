using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Clients;
using Macula.Actors.Protocol;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Tests.Models;

/// <summary>Who is connected: a list of pairs. The last to come with a node id has it, and nobody is let in beyond the
/// limit.</summary>
internal sealed class ClientManagerModel : IModel
{
    private const int Limit = 4;
    private const int Nodes = 7;
    private const int Connections = 9;

    /// <summary>Connect, deliver, die, crash, wait.</summary>
    public static readonly int[] Kinds = [10, 6, 4, 1, 1];

    private readonly ModelWorld _world;
    private readonly Told _asker;
    private readonly Told[] _connections; // alive, admitted or not, superseded or not
    private readonly ModelSink[] _sinks;
    private readonly Dictionary<int, int> _truth = []; // node -> connection
    private long _refused;

    public ClientManagerModel(TestKit kit)
    {
        var options = TestOptions.Defaults.Clients with { MaxClients = Limit };
        _world = new ModelWorld(
            kit, (census, metrics) => ClientManagerActor.Props(options, census, metrics), Announce);
        _asker = _world.Someone();
        _connections = [.. Enumerable.Range(0, Connections).Select(_ => _world.Someone())];
        _sinks = [.. _connections.Select(each => new ModelSink(each))];
    }

    public void Take(Step step)
    {
        switch (step.Kind)
        {
            case 0: Connect(step.A % Connections, step.B % Nodes); break;
            case 1: Deliver(step.A % Nodes); break;
            case 2: Die(step.A % Connections); break;
            case 3: _world.Concern.Tell(Poison.For("clients")); break;
            default: _world.Advance(TimeSpan.FromMilliseconds(step.A % 10_000)); break;
        }

        Assert.Equal(_truth.Count, _world.Census.Size("clients"));
        Assert.Equal(_truth.Count, _world.Census.Size("client_streams"));
        Assert.InRange(_truth.Count, 0, Limit);
        Assert.Equal(_refused, _world.Census.Table("clients").Rejected);
    }

    public void End()
    {
        for (var connection = 0; connection < Connections; connection++) Die(connection);
        Assert.Equal((0, 0), (_world.Census.Size("clients"), _world.Census.Size("client_streams")));
    }

    public void Dispose()
    {
        foreach (var connection in _connections) connection.Die();
        _asker.Die();
        _world.Dispose();
    }

    private void Connect(int connection, int node)
    {
        var isKnown = _truth.ContainsKey(node) || _truth.ContainsValue(connection);
        _world.Concern.Tell(new Connect(Info(node), _sinks[connection]), _asker.Actor);
        var answer = _asker.Take();
        if (!isKnown && _truth.Count == Limit)
        {
            _refused++;
            Assert.Equal(DisconnectReason.MaxClientsReached, Assert.IsType<Refused>(answer).Reason);
            return;
        }

        Assert.Equal(NodeId(node), Assert.IsType<Admitted>(answer).Node);
        if (_truth.TryGetValue(node, out var previous) && previous != connection)
            Assert.IsType<Superseded>(_connections[previous].Take());
        foreach (var (known, by) in _truth)
            if (by == connection) _truth.Remove(known); // it came back under another node id
        _truth[node] = connection;
    }

    private void Deliver(int node)
    {
        _world.Concern.Tell(new Deliver(NodeId(node), new byte[] { 1 }, null, step, default), _asker.Actor);
        if (!_truth.TryGetValue(node, out var connection))
        {
            Assert.Same(step, Assert.IsType<NotConnected>(_asker.Take()).Tag);
            return;
        }

        Assert.Null(_asker.Take());
        for (var each = 0; each < Connections; each++)
            Assert.Equal(each == connection ? 1 : 0, _sinks[each].Frames.Count);
        _sinks[connection].Frames.Clear();
    }

    private void Die(int connection)
    {
        _connections[connection].Die();
        foreach (var (node, by) in _truth)
            if (by == connection) _truth.Remove(node);
        _connections[connection] = _world.Someone(); // its successor has a reference of its own
        _sinks[connection] = new ModelSink(_connections[connection]);
    }

    private void Announce(IActorRef manager)
    {
        foreach (var (node, connection) in _truth) manager.Tell(new Resume(Info(node), _sinks[connection]), _asker.Actor);
    }

    private static readonly object step = new();

    private static NodeId NodeId(int node) => Protocol.NodeId.Parse($"node-{node}");

    private static ClientInfo Info(int node) => new(NodeId(node), TestOptions.Realm, [], "", "");
}
