namespace Macula.Actors.Bench.Wire;

/// <summary>Sends to many receivers, with so many messages on their way at most: the next goes when the oldest has
/// reached everybody. So no queue overflows, and a time is that of delivery and not that of waiting.</summary>
internal sealed class FanOut(int receivers, int inFlight, Meter meter) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _window = new(inFlight);
    private long _received;

    public void Dispose() => _window.Dispose();

    /// <param name="sent">When the message left.</param>
    public void Received(long sent)
    {
        meter.Record(sent);
        if (Interlocked.Increment(ref _received) % receivers == 0) _window.Release();
    }

    public async Task SendAsync(Func<Task> send, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await ArrivedAsync();
            await send();
        }

        for (var i = 0; i < inFlight; i++) await ArrivedAsync(); // all of them, or one was lost
    }

    private async Task ArrivedAsync()
    {
        if (!await _window.WaitAsync(Patience))
            throw new TimeoutException($"a message did not arrive within {Patience}");
    }
}
