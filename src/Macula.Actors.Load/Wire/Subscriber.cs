using System.Buffers.Binary;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Wire;

/// <summary>A client that reads what it subscribed to, and can be told not to.</summary>
internal sealed class Subscriber : IAsyncDisposable
{
    private readonly LoadClient _client;
    private readonly Lock _gate = new();
    private TaskCompletionSource? _paused;
    private Task _running = Task.CompletedTask;
    private long _received;

    private Subscriber(LoadClient client) => _client = client;

    /// <summary>Where times go: from when a message was due until it is here. Null: nowhere.</summary>
    public volatile Latencies? Times;

    /// <summary>Told of each message, on the reader's task.</summary>
    public Action? Arrived { get; set; }

    /// <summary>Messages so far.</summary>
    public long Received => Interlocked.Read(ref _received);

    public bool IsConnected => _client.IsConnected;

    /// <summary>Connects, subscribes, and reads; the subscription is in effect when this returns.</summary>
    public static async Task<Subscriber> StartAsync(
        Dial dial, NodeId id, Utf8Text pattern, CancellationToken cancellationToken)
    {
        var client = await LoadClient.ConnectAsync(dial, id, cancellationToken).ConfigureAwait(false);
        await client.SendAsync(new SubscribeMessage([pattern])).ConfigureAwait(false);
        await client.SettleAsync(cancellationToken).ConfigureAwait(false);
        var subscriber = new Subscriber(client);
        subscriber._running = subscriber.RunAsync();
        return subscriber;
    }

    /// <summary>Reads no more, from the next message on.</summary>
    public void Pause()
    {
        lock (_gate) _paused ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Reads again, what has come meanwhile first.</summary>
    public void Resume()
    {
        lock (_gate)
        {
            _paused?.SetResult();
            _paused = null;
        }
    }

    /// <summary>A goodbye without words.</summary>
    public async ValueTask DisposeAsync()
    {
        Resume();
        _client.Die();
        await _running.ConfigureAwait(false);
        await _client.DisposeAsync().ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        try
        {
            while (await _client.ReceiveAsync(OnFrame, CancellationToken.None).ConfigureAwait(false))
            {
                Task? paused;
                lock (_gate) paused = _paused?.Task;
                if (paused is not null) await paused.ConfigureAwait(false);
            }
        }
        catch (QuicTransportException)
        {
            // It has ended, by whichever side; IsConnected tells.
        }
    }

    private bool OnFrame(Frame frame)
    {
        if (frame.Type != FrameType.Publish) return false;
        Interlocked.Increment(ref _received);
        Arrived?.Invoke();
        if (Times is { } times && PublishMessage.TryDecode(frame.Payload, out var message, out _)
            && message.Payload.Length >= sizeof(long))
            times.RecordSince(BinaryPrimitives.ReadInt64LittleEndian(message.Payload.Span));
        return _paused is not null;
    }
}
