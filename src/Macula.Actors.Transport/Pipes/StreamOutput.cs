using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;

namespace Macula.Actors.Transport.Pipes;

/// <summary>Where a stream's bytes go.</summary>
internal interface IStreamSink
{
    /// <summary>Sends some of the bytes, at least one, and returns how many the peer has acknowledged.</summary>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.StreamAborted"/> when the peer stopped
    /// reading; any other error when the connection ended.</exception>
    ValueTask<long> SendAsync(ReadOnlySequence<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Sends FIN and waits for its acknowledgement.</summary>
    ValueTask FinishAsync(CancellationToken cancellationToken);

    /// <summary>Sends RESET_STREAM.</summary>
    void Reset(long errorCode);
}

/// <summary>The sending side of a stream: a pipe, and the loop that carries its bytes to a sink.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A token source without a timer holds nothing to free.")]
internal sealed class StreamOutput
{
    private readonly Lock _gate = new();
    private readonly Pipe _pipe;
    private readonly IStreamSink _sink;
    private readonly long _defaultErrorCode;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Ending? _ending;
    private object? _stopCode; // a boxed long: read and written whole

    public StreamOutput(IStreamSink sink, int sendBuffer, long defaultErrorCode)
    {
        (_sink, _defaultErrorCode) = (sink, defaultErrorCode);

        // The loop runs inline in the writer's flush: one thread hop less.
        _pipe = new Pipe(new PipeOptions(
            pauseWriterThreshold: sendBuffer,
            resumeWriterThreshold: Math.Max(1, sendBuffer / 2),
            readerScheduler: PipeScheduler.Inline,
            writerScheduler: PipeScheduler.ThreadPool,
            useSynchronizationContext: false));
    }

    public PipeWriter Writer => _pipe.Writer;

    /// <summary>What the peer stopped reading with; null while it has not.</summary>
    public long? StopCode => (long?)Volatile.Read(ref _stopCode);

    /// <summary>Completes, never faults, when nothing more will be sent: FIN acknowledged, reset, or cut off.</summary>
    public Task Ended => _ended.Task;

    public void Start() => _ = RunAsync();

    /// <summary>Sends what was flushed so far, then FIN. Later flushes fail. Safe while somebody writes, which
    /// completing the writer from outside is not.</summary>
    public void Finish() => _pipe.Reader.CancelPendingRead();

    /// <summary>This side gives up: what waits is dropped, the peer is told the code.</summary>
    public void Reset(long errorCode) => Stop(new Ending(errorCode, Aborted("the stream was aborted")));

    /// <summary>The peer stopped reading: flushes report it, and the peer gets its code back (RFC 9000, 3.5).</summary>
    public void Refuse(long errorCode)
    {
        Interlocked.CompareExchange(ref _stopCode, errorCode, null);
        Stop(new Ending(errorCode, null));
    }

    /// <summary>The connection ended.</summary>
    public void Fail(Exception error) => Stop(new Ending(null, error));

    private void Stop(Ending ending)
    {
        lock (_gate)
        {
            if (_ending is not null) return;
            _ending = ending;
        }

        _stopping.Cancel();
    }

    private async Task RunAsync()
    {
        var ending = await SendAllAsync().ConfigureAwait(false);
        lock (_gate)
        {
            _ending ??= ending;
        }

        if (ending.ResetCode is { } code) _sink.Reset(code);
        await _pipe.Reader.CompleteAsync(ending.Told).ConfigureAwait(false);
        _ended.TrySetResult();
    }

    private async Task<Ending> SendAllAsync()
    {
        var token = _stopping.Token;
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _pipe.Reader.ReadAsync(token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_ending is not null)
            {
                return _ending;
            }
            catch (Exception) // the writer was completed with an error, whichever it is
            {
                return new Ending(_defaultErrorCode, null);
            }

            try
            {
                var last = result.IsCompleted || result.IsCanceled;
                var rest = result.Buffer;
                while (!rest.IsEmpty)
                {
                    rest = rest.Slice(await _sink.SendAsync(rest, token).ConfigureAwait(false));
                    if (!last) break; // lets a waiting writer go on with what is acknowledged
                }

                _pipe.Reader.AdvanceTo(rest.Start);
                if (!last) continue;
                await _sink.FinishAsync(token).ConfigureAwait(false);
                return new Ending(null, Aborted("the stream's output was finished"));
            }
            catch (OperationCanceledException) when (_ending is not null)
            {
                return _ending;
            }
            catch (QuicTransportException error)
            {
                return new Ending(null, error.Error == QuicTransportError.StreamAborted ? null : error);
            }
        }
    }

    private static QuicTransportException Aborted(string message) =>
        new(QuicTransportError.OperationAborted, message);

    /// <param name="ResetCode">Told to the peer, when it is to be told.</param>
    /// <param name="Told">What the writer's flushes throw; null: they report that nobody reads any more.</param>
    private sealed record Ending(long? ResetCode, Exception? Told);
}
