using Macula.Actors.Transport.Ngtcp2.Loop;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

public sealed class TimerQueueSpecs
{
    private const ulong Idle = 30_000;
    private const ulong Soon = 10;

    private readonly TimerQueue _queue = new();

    /// <summary>As connections do: the idle time-out, then something earlier, which fires.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)] // the same late deadline again and again
    public void Replaced_deadlines_take_no_more_than_a_bound(bool moves)
    {
        const int Routes = 100;
        var most = 0;
        var routes = Enumerable.Range(0, Routes).Select(_ => new Alarm()).ToArray();
        for (ulong now = 0; now < Idle / 2; now += Soon)
        {
            foreach (var route in routes) _queue.Set(route, moves ? now + Idle : Idle);
            foreach (var route in routes) _queue.Set(route, now + Soon);
            most = Math.Max(most, _queue.Count);
            _queue.RunDue(now + Soon);
        }

        Assert.InRange(most, Routes, (2 * Routes) + TimerQueue.Slack);
        Assert.All(routes, route => Assert.Equal(Idle / 2 / Soon, (ulong)route.Fired.Count));
    }

    [Fact]
    public void Every_route_is_called_at_its_earliest_deadline_whatever_was_swept_out()
    {
        var random = new Random(5);
        var routes = Enumerable.Range(0, 3 * TimerQueue.Slack).Select(_ => new Alarm()).ToArray();
        var earliest = new ulong[routes.Length];
        for (var i = 0; i < routes.Length; i++)
        {
            earliest[i] = ulong.MaxValue;
            for (var n = random.Next(1, 20); n > 0; n--)
            {
                var at = (ulong)random.Next(1, 5000);
                earliest[i] = Math.Min(earliest[i], at);
                _queue.Set(routes[i], at);
            }
        }

        for (ulong now = 0; now <= 5000; now++) _queue.RunDue(now);

        for (var i = 0; i < routes.Length; i++) Assert.Equal([earliest[i]], routes[i].Fired);
        Assert.Equal(0, _queue.Count);
    }

    private sealed class Alarm : Route
    {
        public List<ulong> Fired { get; } = [];

        public override void OnTimer(ulong now) => Fired.Add(now);
    }
}
