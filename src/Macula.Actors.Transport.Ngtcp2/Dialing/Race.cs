using System.Net;

namespace Macula.Actors.Transport.Ngtcp2.Dialing;

/// <summary>Tries several addresses of one host, each with a head start before the next (RFC 8305).</summary>
internal static class Race
{
    private static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(250);

    /// <summary>The first connection that succeeds; the other attempts are given up.</summary>
    /// <exception cref="QuicTransportException">What the first address said, when all failed.</exception>
    public static async Task<IQuicConnection> First(
        IPEndPoint[] remotes, Func<IPEndPoint, CancellationToken, Task<IQuicConnection>> dial,
        CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var waiting = new Queue<IPEndPoint>(remotes);
        List<Task<IQuicConnection>> running = [];
        Task<IQuicConnection>? firstFailed = null;
        Task<IQuicConnection>? winner = null;
        try
        {
            while (true)
            {
                if (waiting.TryDequeue(out var next)) running.Add(dial(next, over.Token));
                if (running.Count == 0) return await firstFailed!.ConfigureAwait(false); // throws
                var any = Task.WhenAny(running);
                var headStart = waiting.Count > 0 ? HeadStart : Timeout.InfiniteTimeSpan;
                await Task.WhenAny(any, Task.Delay(headStart, over.Token)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                if (!any.IsCompleted) continue;
                var done = await any.ConfigureAwait(false);
                if (done.IsCompletedSuccessfully) return await (winner = done).ConfigureAwait(false);
                firstFailed ??= done;
                running.Remove(done);
            }
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            foreach (var loser in running)
                if (!ReferenceEquals(loser, winner)) _ = Dispose(loser);
        }
    }

    private static async Task Dispose(Task<IQuicConnection> loser)
    {
        try
        {
            await (await loser.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is QuicTransportException or OperationCanceledException)
        {
            // It lost; nobody asks why.
        }
    }
}
