using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Protocol;
using Macula.Actors.Tests;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Soak.Tests;

/// <summary>A node, its clients, and the truth about them, hour by hour in virtual time.</summary>
internal sealed class Day
{
    private const int PerHour = 5_000;
    private const int StayOneIn = 50; // 100 of 5,000
    private const int Renewers = 20;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(270); // over between two sweeps, not with one

    // Long for a virtual day of few timers; lost links are noticed within the hour.
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromMinutes(30);

    private readonly TestKit _kit;
    private readonly FakeTimeProvider _time;
    private readonly TestNode _node;
    private readonly int _mayStay;
    private readonly List<Visitor> _staying = [];
    private readonly Queue<TimeSpan> _abandoned = []; // ends of leases that nobody renews and whose owners stay
    private TestStream _provider = null!;
    private TimeSpan _now;
    private int _visits;
    private int _calls;
    private int _stores;
    private int _minutes;

    private Day(TestKit kit, FakeTimeProvider time, TestNode node, int mayStay) =>
        (_kit, _time, _node, _mayStay) = (kit, time, node, mayStay);

    public int Connects => _visits;

    public int Calls => _calls;

    public int Stores => _stores;

    public int Staying => _staying.Count;

    public IReadOnlyList<IBoundedTable> Tables => _node.Census.Tables;

    /// <param name="stay">Clients that stay for longer than their hour, at most.</param>
    public static async Task<Day> Begin(TestKit kit, FakeTimeProvider time, int stay)
    {
        var node = await TestNode.Start(kit, listen: MemoryEdge.Listen with { IdleTimeout = IdleTimeout }, time: time);
        var day = new Day(kit, time, node, stay);
        (_, day._provider) = await node.Join("provider");
        await day._provider.Send(Wire.Subscribe("jobs.**"));
        _ = Drain(day._provider);
        return day;
    }

    /// <summary>As many clients as the day will see at once, who come and go before it begins: tables keep the room of
    /// their fullest hour, and what grows beyond that is what the day is about.</summary>
    public async Task Rush(int clients)
    {
        for (var first = 0; first < clients; first += 100)
            await Task.WhenAll(Enumerable.Range(first, 100).Select(Come));
        await Pass(1);
        while (_staying.Count > 0) await Leave(_staying[^1]);
        await Pass((int)Lease.TotalMinutes + 1);

        async Task Come(int number)
        {
            var (peer, stream) = await _node.Join($"rush-{number}");
            await stream.Send(Wire.Subscribe($"rush.{number}.*"));
            await stream.Send(Wire.Advertise($"rush.{number}", $"rush-{number}"));
            await stream.Send(Wire.Call("com.macula.diagnostics.hello"));
            Assert.Equal(FrameType.Reply, (await stream.Next())!.Type);
            lock (_staying) _staying.Add(new Visitor(int.MaxValue, $"rush-{number}", peer, stream));
        }
    }

    public async Task Hour(int hour)
    {
        for (var minute = 0; minute < 60; minute++)
        {
            var until = (hour * PerHour) + ((minute + 1) * PerHour / 60);
            List<Task> visits = [];
            for (; _visits < until; _visits++) visits.Add(Visit(_visits));
            await Task.WhenAll(visits);
            await Pass(minutes: 1);
        }

        while (_staying.Count > _mayStay) await Leave(_staying[0]);
        await AssertTrue();
    }

    /// <summary>Half of those who stay are cut off without a word.</summary>
    public async Task LoseLinks(int count)
    {
        foreach (var lost in _staying.Take(count).ToArray())
        {
            _node.Edge.Network.Drop(lost.Peer.Connection);
            _staying.Remove(lost);
        }

        await Pass((int)IdleTimeout.TotalMinutes + 1);
    }

    public async Task Crash(int hour)
    {
        // The supervisor's window is real time: more than ten in a minute would end the node, and rightly.
        if (hour % 3 == 0) await _node.Crash(_kit, Poison.Concerns.ElementAt(hour / 3 % Poison.Concerns.Count));
    }

    /// <summary>Bytes that are reachable, when only <paramref name="clients"/> are left.</summary>
    public async Task<long> LiveMemory(int clients)
    {
        while (_staying.Count > clients) await Leave(_staying[^1]);
        await Pass((int)IdleTimeout.TotalMinutes + 2); // leases, timers and deadlines of those who left are over too
        await AssertTrue();
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    public async Task End()
    {
        while (_staying.Count > 0) await Leave(_staying[^1]);
        await _provider.Send(new DisconnectMessage("normal", ""));
        await _node.AssertEmpty();
    }

    private async Task Visit(int number)
    {
        var node = $"client-{number}";
        var (peer, stream) = await _node.Join(node);
        if (number % 10 == 3)
        {
            Interlocked.Increment(ref _stores);
            await stream.Send(Wire.Advertise($"service.{number}", node));
        }

        if (number % 10 == 5)
        {
            await stream.Send(Wire.Subscribe($"home.{number}.*"));
            await stream.Send(Wire.Publish($"home.{number}.x"));
            Assert.Equal(FrameType.Publish, (await stream.Next())!.Type);
        }

        if (number % StayOneIn == 0)
        {
            await Stay(new Visitor(number, node, peer, stream));
            return;
        }

        Interlocked.Increment(ref _calls);
        if (number % 20 == 7) // dies in the middle of its call
        {
            await stream.Send(Wire.Call("jobs.slow"), Wire.Call("com.macula.diagnostics.hello", 2));
            Assert.Equal(FrameType.Reply, (await stream.Next())!.Type);
            peer.Die();
            return;
        }

        await stream.Send(Wire.Call("com.macula.diagnostics.hello"));
        Assert.Equal(FrameType.Reply, (await stream.Next())!.Type);
        if (number % 2 == 0) peer.Die();
        else await stream.Send(new DisconnectMessage("normal", ""));
        await peer.Connection.DisposeAsync();
    }

    private async Task Stay(Visitor visitor)
    {
        lock (_staying) _staying.Add(visitor);
        await Advertise(visitor);
        await visitor.Stream.Settle();
        if (!IsRenewer(visitor)) lock (_abandoned) _abandoned.Enqueue(_now + Lease);
    }

    // The first ones renew for as long as they live; all say that they are there.
    private async Task Renew()
    {
        foreach (var visitor in _staying.Where(IsRenewer)) await Advertise(visitor);
        await Task.WhenAll(_staying.Select(visitor => visitor.Stream.Settle()));
        await _provider.Send(Wire.Advertise("jobs.slow", "provider"));
    }

    private Task Advertise(Visitor visitor)
    {
        Interlocked.Increment(ref _stores);
        return visitor.Stream.Send(Wire.Advertise(
            $"service.{visitor.Number}", visitor.Node, (int)Lease.TotalSeconds));
    }

    private static bool IsRenewer(Visitor visitor) => visitor.Number < Renewers * StayOneIn;

    private async Task Leave(Visitor visitor)
    {
        _staying.Remove(visitor);
        await visitor.Stream.Send(new DisconnectMessage("normal", ""));
        await visitor.Peer.Connection.DisposeAsync();
    }

    // In steps, as periodic timers fire once per step.
    private async Task Pass(int minutes)
    {
        for (var i = 0; i < minutes; i++)
        {
            if (_minutes++ % 4 == 0) await Renew();
            _now += Minute;
            _time.Advance(Minute);
            _kit.Advance(Minute);
        }
    }

    private async Task AssertTrue()
    {
        while (_abandoned.TryPeek(out var end) && end <= _now) _abandoned.Dequeue();
        var services = _abandoned.Count + _staying.Count(IsRenewer) + 1;
        var clients = _staying.Count + 1;
        await _kit.Eventually(() => _node.Census.Size("clients") == clients && _node.Census.Size("connections") == clients);
        Assert.Equal(clients, _node.Census.Size("client_streams"));
        await _kit.Eventually(() => _node.Census.Size("registry.services") == services);
        await _kit.Eventually(() => _node.Census.Size("rpc.pending_calls") == 0);
    }

    private static async Task Drain(TestStream stream)
    {
        while (await stream.Next() is not null) { }
    }

    private sealed record Visitor(int Number, string Node, TestPeer Peer, TestStream Stream);
}
