using System.Buffers.Binary;
using System.Collections.Concurrent;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Scenarios;

/// <summary>A provider that keeps calls until it is told to answer them, and hears who no longer waits.</summary>
/// <remarks>The arguments of each call are the number of its caller, 4 bytes, little-endian.</remarks>
internal sealed class CallProvider(LoadClient client) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<CallId, int> _calls = [];
    private Task _running = Task.CompletedTask;

    /// <summary>Told who it was that no longer waits.</summary>
    public Action<int> Cancelled { get; set; } = _ => { };

    public static async Task<CallProvider> StartAsync(
        ScenarioRun run, Utf8Text procedure, int number, CancellationToken cancellationToken)
    {
        var client = await LoadClient.ConnectAsync(run.Dial, run.Seeded.Id(number, "provider"), cancellationToken)
            .ConfigureAwait(false);
        await Services.AdvertiseAsync(client, procedure).ConfigureAwait(false);
        await client.SettleAsync(cancellationToken).ConfigureAwait(false);
        var provider = new CallProvider(client);
        provider._running = Task.Run(() => provider.RunAsync(cancellationToken), cancellationToken);
        return provider;
    }

    /// <summary>Answers all that wait.</summary>
    public async Task AnswerAsync()
    {
        foreach (var call in _calls.Keys)
        {
            if (_calls.TryRemove(call, out _)) client.Write(new ReplyMessage(call, "1"u8.ToArray()));
        }

        await client.FlushAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        client.Die();
        await _running.ConfigureAwait(false);
        await client.DisposeAsync().ConfigureAwait(false);
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await client.ReceiveAsync(OnFrame, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is QuicTransportException or OperationCanceledException)
        {
            // The scenario is over.
        }
    }

    private bool OnFrame(Frame frame)
    {
        if (frame.Type == FrameType.Call && CallMessage.TryDecode(frame.Payload, out var call, out _))
            _calls[call.CallId] = BinaryPrimitives.ReadInt32LittleEndian(call.Args.Span);
        else if (frame.Type == FrameType.Cancel && CancelMessage.TryDecode(frame.Payload, out var cancel, out _)
            && _calls.TryRemove(cancel.CallId, out var caller))
            Cancelled(caller);
        return false;
    }
}
