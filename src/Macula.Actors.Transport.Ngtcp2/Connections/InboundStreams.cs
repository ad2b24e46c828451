using System.Diagnostics.CodeAnalysis;
using Macula.Actors.Transport.Ngtcp2.Streams;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>The streams that the peer opened and nobody has taken yet, or those who wait for one. Any thread.</summary>
/// <remarks>Not a channel, because an idle connection waits for a stream, and there a channel takes 800 bytes. The library
/// keeps the peer to its stream limits, and a stream counts until it is taken.</remarks>
internal sealed class InboundStreams
{
    private readonly Lock _gate = new();
    private Queue<QuicStream>? _streams;
    private Waiter? _first;
    private Failure? _end;

    /// <summary>The next stream, in the order of opening; those that came before the end are still handed out.</summary>
    /// <exception cref="QuicTransportException">The connection has ended, and no stream is left.</exception>
    public ValueTask<IQuicStream> TakeAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<IQuicStream>(cancellationToken);
        Waiter waiter;
        lock (_gate)
        {
            if (TryTake(out var stream)) return new(stream);
            if (_end is { } end) return ValueTask.FromException<IQuicStream>(end.ToException());
            waiter = new Waiter();
            ref var last = ref _first;
            while (last is not null) last = ref last.Next;
            last = waiter;
        }

        return cancellationToken.CanBeCanceled ? WaitAsync(waiter, cancellationToken) : new(waiter.Task);
    }

    /// <summary>Takes a stream that is there.</summary>
    public bool TryTake([NotNullWhen(true)] out QuicStream? stream)
    {
        lock (_gate)
        {
            stream = null;
            if (_streams is null || !_streams.TryDequeue(out stream)) return false;
        }

        stream.MarkAccepted();
        return true;
    }

    public void Add(QuicStream stream)
    {
        lock (_gate)
        {
            while (_first is { } waiter)
            {
                _first = waiter.Next;
                if (!waiter.TrySetResult(stream)) continue; // cancelled
                stream.MarkAccepted();
                return;
            }

            (_streams ??= new Queue<QuicStream>()).Enqueue(stream);
        }
    }

    /// <summary>There are no more; the first end stays.</summary>
    public void End(Failure failure)
    {
        lock (_gate)
        {
            _end ??= failure;
            for (; _first is { } waiter; _first = waiter.Next) waiter.TrySetException(failure.ToException());
        }
    }

    private async ValueTask<IQuicStream> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((Waiter)state!).TrySetCanceled(token), waiter).ConfigureAwait(false);
        try
        {
            return await waiter.Task.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Forget(waiter);
            throw;
        }
    }

    private void Forget(Waiter waiter)
    {
        lock (_gate)
        {
            ref var at = ref _first;
            while (at is not null && at != waiter) at = ref at.Next;
            if (at is not null) at = waiter.Next;
        }
    }

    private sealed class Waiter() : TaskCompletionSource<IQuicStream>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        private Waiter? _next;

        public ref Waiter? Next => ref _next;
    }
}
