namespace Macula.Actors.Bench.Quic;

/// <summary>Connects to the server of one transport.</summary>
internal interface IDialer
{
    Task<ILink> ConnectAsync();
}

/// <summary>A connection.</summary>
internal interface ILink : IAsyncDisposable
{
    /// <summary>A new stream; over TCP the connection itself, which has no other.</summary>
    ValueTask<IFlow> OpenAsync();
}

/// <summary>Bytes both ways.</summary>
internal interface IFlow : IAsyncDisposable
{
    ValueTask SendAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>Takes what has come, at least one byte, and tells how much; 0 at the end.</summary>
    ValueTask<long> ReceiveAsync();
}

internal static class Flows
{
    /// <summary>Takes this many bytes.</summary>
    /// <exception cref="IOException">They end before.</exception>
    public static async ValueTask ReceiveAsync(this IFlow flow, long count)
    {
        while (count > 0)
        {
            var came = await flow.ReceiveAsync();
            if (came == 0) throw new IOException($"the server ended, {count} bytes early");
            count -= came;
        }
    }
}
