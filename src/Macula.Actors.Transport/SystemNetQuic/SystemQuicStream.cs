using System.Buffers;
using System.IO.Pipelines;
using System.Net.Quic;
using System.Runtime.Versioning;
using Macula.Actors.Transport.Pipes;

namespace Macula.Actors.Transport.SystemNetQuic;

/// <summary>A stream of System.Net.Quic as two pipes, each with one loop.</summary>
/// <remarks>The reading loop takes bytes over as they arrive, up to one receive window, because a reset or the end of
/// the connection takes away what still lies in a <see cref="QuicStream"/>. With MsQuic's own window the peer can be
/// two windows ahead.</remarks>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class SystemQuicStream : IQuicStream, IStreamSink
{
    private const int ReadSize = 16 * 1024;
    private const int WriteSize = 64 * 1024; // a write is acknowledged before the next one starts

    private readonly SystemQuicConnection _connection;
    private readonly QuicStream _stream;
    private readonly StreamInput _input;
    private readonly StreamOutput _output;
    private readonly TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SystemQuicStream(SystemQuicConnection connection, QuicStream stream)
    {
        var options = connection.Options;
        (_connection, _stream, Id) = (connection, stream, stream.Id);
        _input = new StreamInput(options.StreamReceiveWindow, _ => { }, OnAbandoned);
        _output = new StreamOutput(this, options.SendBuffer, options.DefaultStreamErrorCode);
        (CanRead, CanWrite) = (stream.CanRead, stream.CanWrite);
        Sent = CanWrite ? _output.Ended : Task.CompletedTask;
        Closed = Task.WhenAll(CanRead ? _input.Ended : Task.CompletedTask, Sent);
        Released = ReleaseAsync();
        if (CanRead) _ = ReceiveAsync();
        if (!CanWrite) return;
        _ = WatchWritesAsync();
        _output.Start();
    }

    public long Id { get; }

    public IQuicConnection Connection => _connection;

    public bool CanRead { get; }

    public bool CanWrite { get; }

    public long? StopCode => _output.StopCode;

    public PipeReader Input => CanRead ? _input : throw StreamDirections.NotReadable();

    public PipeWriter Output => CanWrite ? _output.Writer : throw StreamDirections.NotWritable();

    public Task Closed { get; }

    /// <summary>Completes when what was written has been acknowledged, or never will be.</summary>
    public Task Sent { get; }

    /// <summary>Completes when the stream no longer counts against the peer's limit.</summary>
    public Task Released { get; }

    /// <summary>Somebody has the stream: from here on it may leave once both directions have ended.</summary>
    public void Take() => _taken.TrySetResult();

    public void Abort(QuicAbortDirection direction, long errorCode)
    {
        QuicOptionChecks.CheckErrorCode(errorCode);
        if (direction.HasFlag(QuicAbortDirection.Read)) StopReading(errorCode);
        if (!CanWrite || !direction.HasFlag(QuicAbortDirection.Write)) return;
        AbortNative(System.Net.Quic.QuicAbortDirection.Write, errorCode); // first: it ends a write under way
        _output.Reset(errorCode);
    }

    /// <summary>Finishes the sending side, even while somebody writes.</summary>
    public void Finish() => _output.Finish();

    public ValueTask DisposeAsync()
    {
        _output.Finish();
        StopReading(_connection.Options.DefaultStreamErrorCode);
        return ValueTask.CompletedTask;
    }

    async ValueTask<long> IStreamSink.SendAsync(ReadOnlySequence<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var count = (int)Math.Min(bytes.Length, WriteSize);
        byte[]? rented = null;
        var memory = bytes.First;
        if (memory.Length < count)
        {
            rented = ArrayPool<byte>.Shared.Rent(count);
            bytes.Slice(0, count).CopyTo(rented);
            memory = rented;
        }

        try
        {
            // No token: cancelling a write resets the stream with a code that nobody chose.
            await _stream.WriteAsync(memory[..count], CancellationToken.None).ConfigureAwait(false);
            return count;
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            throw SystemQuicErrors.Translate(error);
        }
        finally
        {
            if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        }
    }

    async ValueTask IStreamSink.FinishAsync(CancellationToken cancellationToken)
    {
        try
        {
            _stream.CompleteWrites();
            await _stream.WritesClosed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            throw SystemQuicErrors.Translate(error);
        }
    }

    void IStreamSink.Reset(long errorCode) => AbortNative(System.Net.Quic.QuicAbortDirection.Write, errorCode);

    private async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                await _stream.ReadAsync(Memory<byte>.Empty).ConfigureAwait(false); // an idle stream holds no buffer
                var buffer = ArrayPool<byte>.Shared.Rent(ReadSize);
                try
                {
                    var count = await _stream.ReadAsync(buffer).ConfigureAwait(false);
                    if (count == 0) break;
                    var bytes = new ReadOnlySequence<byte>(buffer, 0, count);
                    if (!await _input.DeliverAsync(bytes).ConfigureAwait(false)) return;
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            }

            _input.End();
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            _input.End(await _connection.ExplainAsync(error).ConfigureAwait(false));
        }
    }

    /// <summary>Hears of STOP_SENDING and of the connection's end while nothing is being written.</summary>
    private async Task WatchWritesAsync()
    {
        try
        {
            await _stream.WritesClosed.ConfigureAwait(false);
        }
        catch (QuicException error) when (error.QuicError == QuicError.StreamAborted)
        {
            _output.Refuse(error.ApplicationErrorCode ?? 0);
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            _output.Fail(await _connection.ExplainAsync(error).ConfigureAwait(false));
        }
    }

    private async Task ReleaseAsync()
    {
        await Closed.ConfigureAwait(false);
        await Task.WhenAny(_taken.Task, _connection.Closed).ConfigureAwait(false);
        try
        {
            await _stream.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            // The connection ended first, and the stream with it.
        }
    }

    private void OnAbandoned() => StopReading(_connection.Options.DefaultStreamErrorCode);

    private void StopReading(long errorCode)
    {
        if (!CanRead) return;
        var given = new QuicTransportException(QuicTransportError.OperationAborted, "reading the stream was given up");
        _input.Abort(given, () => AbortNative(System.Net.Quic.QuicAbortDirection.Read, errorCode));
    }

    private void AbortNative(System.Net.Quic.QuicAbortDirection direction, long errorCode)
    {
        try
        {
            _stream.Abort(direction, errorCode);
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            // The connection ended first: nobody is left to tell.
        }
    }
}
