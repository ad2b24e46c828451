using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Actor;
using Akka.TestKit.Xunit2;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests.Gateway;

/// <summary>Clients of a node that publish, subscribe, call, come and go until they are told to stop, and count what they
/// do not get.</summary>
/// <remarks>Each does one thing after another, so that the node is busy and no queue is full. Half of the calls go to
/// clients of the node, a quarter to its own actors, a quarter to a client of a peer.</remarks>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private const int Publishers = 10;
    private const int Subscribers = 12;
    private const int Providers = 4;
    private const int Callers = 16;
    private const int Visitors = 8;

    private readonly ConcurrentDictionary<string, int> _errors = [];
    private readonly ConcurrentDictionary<Kind, TaskCompletionSource<TimeSpan>> _first = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly TestKit _kit;
    private readonly TestNode _node;
    private readonly List<TestPeer> _peers = [];
    private readonly List<Subscriber> _subscribers = [];
    private readonly List<Task> _busy = []; // until they are told to stop
    private readonly List<Task> _listening = []; // until their streams end
    private readonly int[] _published = new int[Publishers];
    private long _mark;

    private SteadyLoad(TestKit kit, TestNode node) => (_kit, _node) = (kit, node);

    private enum Kind
    {
        Publication,
        Call,
        CallOfNode,
        CallOfPeer,
        Visit,
    }

    public static int Standing => Publishers + Subscribers + Providers + 1 + Callers;

    /// <summary>The actor of a subscriber's connection: those of the providers came before it.</summary>
    public static string Subscription => $"listener-1/conn-{Providers + 1}";

    public static async Task<SteadyLoad> Start(TestKit kit, TestNode node, TestNode peer)
    {
        var load = new SteadyLoad(kit, node);
        for (var i = 0; i < Providers; i++) load._listening.Add(ServeAsync(await load.Provider(node, $"provider-{i}", $"add.{i}")));
        load._listening.Add(ServeAsync(await load.Provider(peer, "elsewhere", "far")));
        for (var i = 0; i < Subscribers; i++)
        {
            var subscriber = new Subscriber(await load.Join($"subscriber-{i}"));
            await subscriber.Stream.Send(Wire.Subscribe("load.*"));
            await subscriber.Stream.Settle();
            load._subscribers.Add(subscriber);
            load._listening.Add(load.Listen(subscriber));
        }

        for (var i = 0; i < Publishers; i++) load._busy.Add(load.Publish(await load.Join($"publisher-{i}"), i));
        for (var i = 0; i < Callers; i++) load._busy.Add(load.Call(await load.Join($"caller-{i}"), i));
        for (var i = 0; i < Visitors; i++) load._busy.Add(load.Visit($"visitor-{i}"));
        await load.Worked();
        return load;
    }

    /// <summary>Tells an actor of the node something that it cannot bear, and says what came of it once everything has
    /// worked again.</summary>
    public async Task<Outcome> Survive(string actor, object poison)
    {
        var victim = await _node.Concern(actor);
        await Worked();
        _errors.Clear();
        victim.Tell(poison);
        Mark(); // what begins now reaches the actor after the poison
        var took = await Firsts();
        await _node.AllHandled(_kit);
        await Worked();
        return new Outcome(
            _peers.Count(peer => peer.Connection.Closed.IsCompleted),
            await LostSubscriptions(), await LostAdvertisements(),
            _errors.ToDictionary(), took[Kind.Publication], took[Kind.Call], took[Kind.CallOfNode], took[Kind.CallOfPeer],
            took[Kind.Visit]);
    }

    /// <summary>Stops all, and says how many publications did not reach a subscriber that is still there.</summary>
    public async Task<int> Stop()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_busy).Soon();
        var living = _subscribers.Where(subscriber => !subscriber.HasEnded).ToList();
        var sent = _published.Sum();
        if (living.Count > 0) await living[0].Stream.Send(Wire.Publish("load.last", "last"));
        foreach (var subscriber in living) await subscriber.Last.Task.Soon();
        return living.Sum(subscriber => sent - subscriber.Received);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var peer in _peers) peer.Die();
        await Task.WhenAll(_listening).Soon();
        _stop.Dispose();
    }

    private async Task<TestStream> Join(string id, TestNode? node = null)
    {
        var (peer, stream) = await (node ?? _node).Join(id);
        _peers.Add(peer);
        return stream;
    }

    private async Task<TestStream> Provider(TestNode node, string id, string procedure)
    {
        var stream = await Join(id, node);
        // Where the node is: a name would have to be looked up when a call fails over to it.
        await stream.Send(Wire.Store(procedure, new ServiceRecord(
            NodeId.Parse(id), $"https://{node.EndPoint}", new RawValue(new byte[] { 0x80 }), 300).Encode()));
        await stream.Settle();
        return stream;
    }

    private static async Task ServeAsync(TestStream stream)
    {
        try
        {
            while (await stream.Next() is { } frame)
            {
                if (frame.Type == FrameType.Call)
                    await stream.Send(new ReplyMessage(frame.Call().CallId, Wire.Bytes("1")));
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // The node has closed it, or nobody calls any more.
        }
    }

    private async Task Listen(Subscriber subscriber)
    {
        while (await subscriber.Stream.Next() is { } frame)
        {
            var payload = Wire.Text(frame.Publish().Payload);
            if (payload == "last")
            {
                subscriber.Last.TrySetResult();
                continue;
            }

            subscriber.Received++;
            Done(Kind.Publication, long.Parse(payload, System.Globalization.CultureInfo.InvariantCulture));
        }

        subscriber.HasEnded = true;
    }

    // Subscribed to what it publishes, so that the next one waits until this one came round.
    private async Task Publish(TestStream stream, int number)
    {
        await stream.Send(Wire.Subscribe($"load.{number}"));
        await Repeat(async () =>
        {
            await stream.Send(Wire.Publish($"load.{number}", $"{Stopwatch.GetTimestamp()}"));
            _published[number]++;
            _ = await stream.Next() ?? throw new EndOfStreamException();
        });
    }

    private Task Call(TestStream stream, int number)
    {
        var id = 0;
        return Repeat(async () =>
        {
            var (kind, procedure) = (id % 4) switch
            {
                0 => (Kind.CallOfNode, "com.macula.diagnostics.hello"),
                1 => (Kind.CallOfPeer, "far"),
                _ => (Kind.Call, $"add.{(number + id) % Providers}"),
            };
            var began = Stopwatch.GetTimestamp();
            await stream.Send(Wire.Call(procedure, ++id));
            var frame = await stream.Next() ?? throw new EndOfStreamException();
            Assert.Equal(Wire.Id(id), frame.Reply().CallId);
            if (frame.ErrorCode() is { } code) _errors.AddOrUpdate(code, 1, static (_, count) => count + 1);
            else Done(kind, began);
        });
    }

    // Comes, subscribes, publishes, gets it, and goes without a word.
    private Task Visit(string id) => Repeat(async () =>
    {
        var began = Stopwatch.GetTimestamp();
        var (peer, stream) = await _node.Join(id);
        await stream.Send(Wire.Subscribe($"visit.{id}"));
        await stream.Send(Wire.Publish($"visit.{id}"));
        Assert.Equal($"visit.{id}", (await stream.Next())!.Publish().Topic.ToString());
        peer.Die();
        Done(Kind.Visit, began);
    });

    private async Task Repeat(Func<Task> work)
    {
        await Task.Yield();
        try
        {
            while (!_stop.IsCancellationRequested) await work();
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Its connection was closed, which is counted.
        }
    }

    private static bool IsEnd(Exception fault) =>
        fault is Transport.QuicTransportException or EndOfStreamException or InvalidOperationException;

    private void Done(Kind kind, long began)
    {
        if (began >= Volatile.Read(ref _mark) && _first.TryGetValue(kind, out var first))
            first.TrySetResult(Stopwatch.GetElapsedTime(_mark));
    }

    private void Mark()
    {
        foreach (var kind in Enum.GetValues<Kind>())
            _first[kind] = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _mark, Stopwatch.GetTimestamp());
    }

    private async Task<Dictionary<Kind, TimeSpan>> Firsts()
    {
        Dictionary<Kind, TimeSpan> took = [];
        foreach (var (kind, first) in _first) took[kind] = await first.Task.Soon();
        return took;
    }

    // Everything works now.
    private async Task Worked()
    {
        Mark();
        await Firsts();
    }

    private async Task<int> LostSubscriptions()
    {
        var before = _subscribers.Select(subscriber => subscriber.Received).ToList();
        var lost = 0;
        for (var i = 0; i < before.Count; i++)
        {
            var subscriber = _subscribers[i];
            if (!subscriber.HasEnded) await _kit.Eventually(() => subscriber.Received > before[i] || subscriber.HasEnded);
            if (subscriber.HasEnded) lost++;
        }

        return lost;
    }

    private async Task<int> LostAdvertisements()
    {
        var lost = 0;
        var (peer, stream) = await _node.Join("asking");
        for (var i = 0; i < Providers; i++)
        {
            await stream.Send(Wire.Call($"add.{i}"));
            if ((await stream.Next())!.ErrorCode() is not null) lost++;
        }

        peer.Die();
        return lost;
    }

    /// <param name="Disconnected">Clients whose connection has ended, of <see cref="Standing"/>.</param>
    /// <param name="Errors">Calls that ended with an error, by code.</param>
    /// <param name="Publication">From the crash to the arrival of a publication that was made after it; the others
    /// likewise.</param>
    internal sealed record Outcome(
        int Disconnected, int LostSubscriptions, int LostAdvertisements, IReadOnlyDictionary<string, int> Errors,
        TimeSpan Publication, TimeSpan Call, TimeSpan CallOfNode, TimeSpan CallOfPeer, TimeSpan Visit);

    private sealed class Subscriber(TestStream stream)
    {
        private int _received;
        private volatile bool _hasEnded;

        public TestStream Stream { get; } = stream;

        public TaskCompletionSource Last { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Received
        {
            get => Volatile.Read(ref _received);
            set => Volatile.Write(ref _received, value);
        }

        public bool HasEnded
        {
            get => _hasEnded;
            set => _hasEnded = value;
        }
    }
}
