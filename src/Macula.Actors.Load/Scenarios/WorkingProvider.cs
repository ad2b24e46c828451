using System.Collections.Concurrent;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Scenarios;

/// <summary>A provider that can do so many calls a second and no more. It does them in their order, and leaves out
/// those that nobody waits for any longer.</summary>
internal sealed class WorkingProvider(LoadClient client, Advertisement advertisement) : IAsyncDisposable
{
    private readonly ConcurrentQueue<CallId> _queue = [];
    private readonly ConcurrentDictionary<CallId, bool> _waiting = [];
    private readonly CancellationTokenSource _stop = new();
    private Task _reading = Task.CompletedTask;
    private Task _working = Task.CompletedTask;

    public static async Task<WorkingProvider> StartAsync(
        ScenarioRun run, Utf8Text procedure, double capacity, CancellationToken cancellationToken)
    {
        var client = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(0, "provider"), cancellationToken).ConfigureAwait(false);
        await Services.AdvertiseAsync(client, procedure).ConfigureAwait(false);
        await client.SettleAsync(cancellationToken).ConfigureAwait(false);
        var provider = new WorkingProvider(client, new Advertisement(client, procedure));
        provider._reading = provider.ReadAsync();
        provider._working = Pace.RunAsync(capacity, TimeSpan.FromDays(1), provider.Work, provider._stop.Token);
        return provider;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        client.Die();
        await _reading.ConfigureAwait(false);
        try
        {
            await _working.ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or QuicTransportException)
        {
            // As asked.
        }

        await client.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await client.ReceiveAsync(OnFrame, CancellationToken.None).ConfigureAwait(false);
        }
        catch (QuicTransportException)
        {
            // The scenario is over.
        }
    }

    private bool OnFrame(Frame frame)
    {
        if (frame.Type == FrameType.Call && CallMessage.TryDecode(frame.Payload, out var call, out _))
        {
            _waiting[call.CallId] = true;
            _queue.Enqueue(call.CallId);
        }
        else if (frame.Type == FrameType.Cancel && CancelMessage.TryDecode(frame.Payload, out var cancel, out _))
        {
            _waiting.TryRemove(cancel.CallId, out _);
        }

        return false;
    }

    private void Work(long due)
    {
        while (_queue.TryDequeue(out var call))
        {
            if (!_waiting.TryRemove(call, out _)) continue;
            advertisement.RenewIfDue();
            client.Write(new ReplyMessage(call, "1"u8.ToArray()));
            var flushing = client.FlushAsync();
            if (flushing.IsCompletedSuccessfully) flushing.GetAwaiter().GetResult();
            else flushing.AsTask().GetAwaiter().GetResult();
            return;
        }
    }
}
