using System.Diagnostics;

namespace Macula.Actors.Load.Neighbours;

/// <summary>Callers on one connection, each of which makes its next request when it has the reply to its last.</summary>
internal sealed class CallBench : IBench
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly string _measure;
    private readonly int _callers;
    private readonly INeighbourClient _caller;
    private readonly Listener _provider;
    private readonly byte[] _payload = Payload.Create();
    private int _last;

    private CallBench(string measure, int callers, INeighbourClient caller, INeighbourClient provider)
    {
        (_measure, _callers, _caller) = (measure, callers, caller);
        var reply = Payload.Create();
        _provider = new Listener(provider, arrival =>
        {
            if (arrival.Kind == ArrivalKind.Request) provider.Reply(arrival, reply);
            return false;
        });
    }

    public static async Task<CallBench> OpenAsync(
        Bed bed, string measure, int callers, CancellationToken cancellationToken)
    {
        var provider = await bed.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await provider.ServeAsync(Service(callers), cancellationToken).ConfigureAwait(false);
        var caller = await bed.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await caller.ExpectRepliesAsync(cancellationToken).ConfigureAwait(false);
        return new CallBench(measure, callers, caller, provider);
    }

    public async Task RunAsync(TimeSpan time, Tell tell, CancellationToken cancellationToken)
    {
        Protocol.Utf8Text service = Service(_callers);
        var (replies, waiting) = (0L, _callers);
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < _callers; i++) _caller.Request(service, ++_last, _payload);
        await _caller.FlushAsync().ConfigureAwait(false);
        await _caller.ReceiveAsync(
            arrival =>
            {
                if (arrival.Kind != ArrivalKind.Reply) return false;
                replies++;
                if (Stopwatch.GetElapsedTime(start) < time) _caller.Request(service, ++_last, _payload);
                else waiting--;
                return waiting == 0;
            },
            cancellationToken).WaitAsync(time + Patience, cancellationToken).ConfigureAwait(false);
        if (waiting > 0) throw new IOException($"the server ended the connection while {waiting} callers waited");
        tell(_measure, replies / Stopwatch.GetElapsedTime(start).TotalSeconds, "1/s");
    }

    public async ValueTask DisposeAsync()
    {
        _caller.Die();
        await _caller.DisposeAsync().ConfigureAwait(false);
        await _provider.DisposeAsync().ConfigureAwait(false);
    }

    private static string Service(int callers) => $"load.service{callers}";
}
