using System.Buffers;
using System.IO.Pipelines;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests;

/// <summary>A stream whose peer is the spec: it writes what arrives and reads what was sent, as fast as it likes.</summary>
/// <param name="sendWindow">Bytes that may be written before a flush waits for the peer to read.</param>
internal sealed class FakeStream(long id = 0, int sendWindow = 1024) : IQuicStream
{
    private readonly Pipe _in = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
    private readonly Pipe _out = new(new PipeOptions(
        pauseWriterThreshold: sendWindow, resumeWriterThreshold: sendWindow / 2, useSynchronizationContext: false));

    public long Id { get; } = id;

    public bool CanRead { get; init; } = true;

    public bool CanWrite { get; init; } = true;

    public long? StopCode => null;

    public PipeReader Input => _in.Reader;

    public PipeWriter Output => _out.Writer;

    public IQuicConnection Connection => throw new NotSupportedException();

    public Task Closed => Task.CompletedTask;

    public bool IsDisposed { get; private set; }

    /// <summary>Arrives from the peer.</summary>
    public async Task Arrive(params byte[][] chunks)
    {
        foreach (var chunk in chunks) await _in.Writer.WriteAsync(chunk);
    }

    /// <summary>The peer finishes, or resets with an error.</summary>
    public void End(Exception? reset = null) => _in.Writer.Complete(reset);

    /// <summary>The peer stops reading.</summary>
    public void StopReading() => _out.Reader.Complete();

    /// <summary>The connection is lost: whoever writes finds out.</summary>
    public void Lose() => _out.Reader.Complete(
        new QuicTransportException(QuicTransportError.ConnectionIdle, "nothing was heard"));

    /// <summary>The next frame that was sent; null at its end.</summary>
    public async Task<WireFrame?> Next()
    {
        while (true)
        {
            var read = await _out.Reader.ReadAsync().AsTask().Soon();
            var rest = read.Buffer;
            var status = FrameReader.TryRead(ref rest, int.MaxValue, out var frame, out _);
            if (status == FrameReadStatus.Frame)
            {
                var bytes = read.Buffer.Slice(0, rest.Start).ToArray();
                _out.Reader.AdvanceTo(rest.Start);
                return new WireFrame(frame.Type, bytes);
            }

            _out.Reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted) return null;
        }
    }

    public void Abort(QuicAbortDirection direction, long errorCode)
    {
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }
}
