using System.Threading.Channels;
using Macula.Actors.Client.Internal;
using Macula.Actors.Protocol;

namespace Macula.Actors.Client;

/// <summary>The messages of one pattern, from the moment that SubscribeAsync returned.</summary>
/// <remarks>
/// <para>Enumerate it once, from one place. It survives reconnects, without what was published
/// meanwhile; it ends when the client is disposed, and throws the reason when the client was sent
/// away for good.</para>
/// <para>At most <see cref="MaculaClientOptions.SubscriptionBuffer"/> messages wait for a slow
/// reader; then the oldest are dropped and counted. When the enumeration ends, or this is disposed,
/// the gateway is told, unless another subscription of the client has the same pattern.</para>
/// </remarks>
public sealed class MaculaSubscription : IAsyncEnumerable<MaculaMessage>, IAsyncDisposable
{
    private readonly Channel<MaculaMessage> _messages;
    private readonly Func<MaculaSubscription, ValueTask> _leave;
    private long _dropped;
    private int _isEnumerated;
    private int _isDisposed;

    internal MaculaSubscription(
        string pattern, int buffer, Counters counters, Func<MaculaSubscription, ValueTask> leave)
    {
        (Pattern, PatternText, _leave) = (pattern, pattern, leave);
        _messages = Channel.CreateBounded<MaculaMessage>(
            new BoundedChannelOptions(buffer)
            {
                FullMode = BoundedChannelFullMode.DropOldest,
                SingleReader = true,
            },
            _ =>
            {
                Interlocked.Increment(ref _dropped);
                Interlocked.Increment(ref counters.MessagesDropped);
            });
    }

    /// <summary>What was subscribed to.</summary>
    public string Pattern { get; }

    /// <summary>Messages lost because the buffer was full.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    internal Utf8Text PatternText { get; }

    /// <summary>The messages as they come.</summary>
    /// <exception cref="InvalidOperationException">It has been enumerated before.</exception>
    public async IAsyncEnumerator<MaculaMessage> GetAsyncEnumerator(
        CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _isEnumerated, 1) == 1)
            throw new InvalidOperationException($"the subscription to {Pattern} is enumerated already");

        try
        {
            await foreach (var message in _messages.Reader.ReadAllAsync(cancellationToken)
                .ConfigureAwait(false))
                yield return message;
        }
        finally
        {
            await DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Ends the subscription. Idempotent.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1) return;

        await _leave(this).ConfigureAwait(false);
        Complete(null);
    }

    internal void Offer(MaculaMessage message) => _messages.Writer.TryWrite(message);

    internal void Complete(Exception? error) => _messages.Writer.TryComplete(error);
}
