using System.Diagnostics;
using Akka.Actor;

namespace Macula.Actors.Bench.Concerns;

/// <summary>Asks an actor many things, a window of them at once; answers come in the order of the questions.</summary>
internal sealed class Pipeline(
    IActorRef actor, int count, Func<int, object> message, int window, int batch, TaskCompletionSource<Sample> done)
    : UntypedActor
{
    private readonly long[] _told = new long[(count + batch - 1) / batch];
    private readonly TimeSpan[] _times = new TimeSpan[(count + batch - 1) / batch];
    private Clock _clock;
    private int _sent;
    private int _answered;

    protected override void OnReceive(object answer)
    {
        if (answer is Start)
        {
            _clock = new Clock();
            for (var i = 0; i < window; i += batch) Send();
            return;
        }

        _times[_answered] = Stopwatch.GetElapsedTime(_told[_answered]);
        if (++_answered == _times.Length) done.SetResult(Sample.Of(_clock, _times));
        Send();
    }

    private void Send()
    {
        if (_sent == count) return;
        _told[_sent / batch] = Stopwatch.GetTimestamp();
        for (var end = Math.Min(count, _sent + batch); _sent < end; _sent++) actor.Tell(message(_sent), Self);
        if (batch > 1) actor.Tell(new Identify(null), Self);
    }

    public sealed record Start
    {
        public static readonly Start Instance = new();
    }
}

/// <summary>Asks an actor again and again until a size is 0.</summary>
internal sealed class Emptying(
    IActorRef actor, Action start, Func<long> size, TaskCompletionSource<Sample> done) : UntypedActor
{
    private readonly Identify _question = new(null);
    private Clock _clock;
    private long _atStart;
    private TimeSpan _half;
    private TimeSpan _most;

    protected override void OnReceive(object message)
    {
        if (message is Pipeline.Start)
        {
            _atStart = size();
            _clock = new Clock();
            start();
        }
        else
        {
            var (left, time) = (size(), _clock.Time);
            if (_half == default && left <= _atStart / 2) _half = time;
            if (_most == default && left <= _atStart / 100) _most = time;
            if (left == 0)
            {
                done.SetResult(new Sample(time, _half, _most, _clock.Elapsed.Cpu));
                return;
            }
        }

        actor.Tell(_question, Self);
    }
}
