using System.Buffers.Binary;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Wire;

/// <summary>A client that publishes messages that carry when they were due. For one thread or task at a time.</summary>
internal sealed class Publisher(LoadClient client, int size) : IAsyncDisposable
{
    private readonly byte[] _payload = new byte[Math.Max(size, sizeof(long))];
    private UInt128 _last;

    public static async Task<Publisher> StartAsync(Dial dial, NodeId id, int size, CancellationToken cancellationToken) =>
        new(await LoadClient.ConnectAsync(dial, id, cancellationToken).ConfigureAwait(false), size);

    /// <summary>Messages so far.</summary>
    public long Published => (long)_last;

    public void Write(Utf8Text topic, long due)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_payload, due);
        client.Write(new PublishMessage(topic, _payload, 0, false, MessageId.FromCounter(++_last)));
    }

    public ValueTask FlushAsync() => client.FlushAsync();

    /// <summary>Publishes from a thread that may wait.</summary>
    public void Publish(Utf8Text topic, long due)
    {
        Write(topic, due);
        var flushing = client.FlushAsync();
        if (flushing.IsCompletedSuccessfully) flushing.GetAwaiter().GetResult();
        else flushing.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>The node has taken up all that was published.</summary>
    public Task SettleAsync(CancellationToken cancellationToken) => client.SettleAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        client.Die();
        await client.DisposeAsync().ConfigureAwait(false);
    }
}
