using System.Buffers;
using Akka.Actor;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>Reads one stream: puts frames together, waits for credit, and tells them to the connection actor.</summary>
/// <remarks>Before a client is admitted only its first stream is read, one frame of it, which must be CONNECT; what
/// else has arrived waits in the QUIC receive window. Each frame is copied once, out of the transport's buffer.</remarks>
internal sealed class StreamReader(
    StreamSession session, IActorRef connection, ReadCredit credit, ReaderLimits limits, Task admitted,
    GatewayMetrics metrics)
{
    private bool _toldSkipped;

    /// <summary>Runs until the stream ends; then tells <see cref="ConnectionEvents.StreamEnded"/>. Never faults.</summary>
    public async Task RunAsync()
    {
        ConnectionEvents.StreamEnded end;
        try
        {
            end = new ConnectionEvents.StreamEnded(session, await ReadAsync().ConfigureAwait(false));
        }
        catch (Exception e) when (e is QuicTransportException or OperationCanceledException or InvalidOperationException)
        {
            end = new ConnectionEvents.StreamEnded(session, null);
        }

        connection.Tell(end, ActorRefs.NoSender);
    }

    /// <returns>The fault that ended the stream, or null at its orderly end.</returns>
    private async ValueTask<FrameError?> ReadAsync()
    {
        // Streams that overtake the first one wait for the client to be admitted there.
        if (!session.IsFirst && !limits.PeersAllowed) await admitted.ConfigureAwait(false);

        var input = session.Stream.Input;
        while (true)
        {
            var read = await input.ReadAsync().ConfigureAwait(false);
            var rest = read.Buffer;
            while (true)
            {
                var max = admitted.IsCompleted || limits.PeersAllowed ? limits.MaxFrameSize : limits.MaxConnectSize;
                var status = FrameReader.TryRead(ref rest, max, out var frame, out var error);
                if (status == FrameReadStatus.NeedMore) break;
                if (status == FrameReadStatus.Fatal) return error;
                if (status == FrameReadStatus.Skipped) Skipped(error);
                else if (await DeliverAsync(frame).ConfigureAwait(false) is { } fault) return fault;
            }

            // Half a frame at the end is nobody's loss but the peer's; the stream may stay, its bytes must not.
            input.AdvanceTo(read.IsCompleted ? rest.End : rest.Start, rest.End);
            if (read.IsCompleted) return null;
        }
    }

    private async ValueTask<FrameError?> DeliverAsync(Frame frame)
    {
        var length = (int)frame.Payload.Length;
        var gated = !admitted.IsCompleted && !(limits.PeersAllowed && PeerTypes.Contains(frame.Type));
        if (gated)
        {
            if (frame.Type == FrameType.Connect && length > limits.MaxConnectSize)
                return new FrameError(FrameErrorCode.FrameTooLarge, (uint)length);

            if (!session.IsFirst) await admitted.ConfigureAwait(false);
        }

        var lease = await credit.TakeAsync(length).ConfigureAwait(false);
        metrics.FrameIn(frame.Type.ToString(), length + Frame.HeaderLength);
        connection.Tell(
            new ConnectionEvents.FrameArrived(session, frame.Type, frame.Payload.ToArray(), lease),
            ActorRefs.NoSender);
        if (gated && session.IsFirst) await admitted.ConfigureAwait(false);
        return null;
    }

    private void Skipped(FrameError error)
    {
        metrics.FrameSkipped(error.CodeText);
        if (_toldSkipped) return; // one line in the log per stream, the rest is counted
        _toldSkipped = true;
        connection.Tell(new ConnectionEvents.FrameSkipped(error), ActorRefs.NoSender);
    }
}
