using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;

namespace Macula.Actors.Client.Internal;

/// <summary>The one writer of a stream: takes frames from anywhere, flushes what has gathered at
/// once. At most <see cref="Capacity"/> frames wait; then senders wait.</summary>
internal sealed class FrameSender(PipeWriter output, Counters counters)
{
    public const int Capacity = 64;

    private const int FlushThreshold = 64 * 1024;

    private readonly Channel<ReadOnlyMemory<byte>> _frames =
        Channel.CreateBounded<ReadOnlyMemory<byte>>(
            new BoundedChannelOptions(Capacity) { SingleReader = true });

    /// <summary>Queues a frame.</summary>
    /// <exception cref="ChannelClosedException">The stream has ended.</exception>
    public ValueTask SendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellationToken) =>
        _frames.Writer.WriteAsync(frame, cancellationToken);

    /// <summary>Queues a frame if there is room.</summary>
    public bool TrySend(ReadOnlyMemory<byte> frame) => _frames.Writer.TryWrite(frame);

    /// <summary>No more frames; what is queued still goes out.</summary>
    public void Complete() => _frames.Writer.TryComplete();

    /// <summary>Writes until <see cref="Complete"/>. Returns false when the peer stopped reading.
    /// </summary>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        while (await _frames.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var unflushed = 0;
            var frames = 0;
            while (unflushed < FlushThreshold && _frames.Reader.TryRead(out var frame))
            {
                output.Write(frame.Span);
                unflushed += frame.Length;
                frames++;
            }

            var result = await output.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (result.IsCompleted || result.IsCanceled) return false;
            Interlocked.Add(ref counters.FramesSent, frames);
        }

        return true;
    }

    /// <summary>Counts what will never go out. After <see cref="RunAsync"/>.</summary>
    public void Abandon()
    {
        Complete();
        while (_frames.Reader.TryRead(out _)) Interlocked.Increment(ref counters.FramesLost);
    }
}
