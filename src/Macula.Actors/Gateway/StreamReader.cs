using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Akka.Actor;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>Reads one stream: puts frames together, waits for credit, and tells them to the connection actor.</summary>
/// <remarks>Before a client is admitted only its first stream is read, one frame of it, which must be CONNECT; what
/// else has arrived waits in the QUIC receive window. Each frame is copied once, out of the transport's buffer.</remarks>
internal sealed class StreamReader(
    StreamSession session, IActorRef connection, ReadCredit credit, AssemblyBudget assembly, ReaderLimits limits,
    Task admitted, GatewayMetrics metrics)
{
    private const int AssembleAt = 1024; // less may wait in the receive window
    private const int FirstPart = 16 * 1024;

    private Task _admitted = admitted;
    private byte[]? _partial; // a frame of which the first part has come; grows with what comes, whatever was announced
    private int _length; // of that frame
    private int _filled;
    private FrameError? _fault; // that ended the stream
    private bool _toldSkipped;

    /// <summary>Runs until the stream ends; then tells <see cref="ConnectionEvents.StreamEnded"/>. Never faults.</summary>
    public async Task RunAsync()
    {
        var isReset = false;
        try
        {
            // Streams that overtake the first one wait for the client to be admitted there.
            if (!session.IsFirst && !limits.PeersAllowed) await AdmittedAsync().ConfigureAwait(false);

            // An idle client waits here: nothing is kept meanwhile that the next bytes do not need.
            while (await TakeAsync(await session.Stream.Input.ReadAsync().ConfigureAwait(false)).ConfigureAwait(false))
            {
            }
        }
        catch (Exception e) when (
            e is QuicTransportException or OperationCanceledException or InvalidOperationException or OutOfMemoryException)
        {
            isReset = e is QuicTransportException { Error: QuicTransportError.StreamAborted };
        }

        Forget();
        connection.Tell(new ConnectionEvents.StreamEnded(session, _fault, isReset), ActorRefs.NoSender);
    }

    /// <returns>Whether more may come; else the stream is at its end, or has a <see cref="_fault"/>.</returns>
    private async ValueTask<bool> TakeAsync(ReadResult read)
    {
        var rest = read.Buffer;
        if (_partial is not null) rest = TakeMissing(rest);
        if (_partial is null || _filled == _length)
        {
            if (_partial is not null)
            {
                (_, _fault) = await DeliverAllAsync(new(_partial, 0, _length)).ConfigureAwait(false);
                if (_fault is not null) return false;
            }

            Forget();
            (rest, _fault) = await DeliverAllAsync(rest).ConfigureAwait(false);
            if (_fault is not null) return false;
            if (rest.Length >= AssembleAt)
            {
                if (!TryAssemble(rest)) return false;
                rest = TakeMissing(rest);
            }
        }

        // Half a frame at the end is nobody's loss but the peer's; the stream may stay, its bytes must not.
        session.Stream.Input.AdvanceTo(read.IsCompleted ? rest.End : rest.Start, rest.End);
        return !read.IsCompleted;
    }

    /// <summary>Begins to move a frame out of the receive window, which may be smaller than the frame: the peer could
    /// not send the rest.</summary>
    private bool TryAssemble(ReadOnlySequence<byte> from)
    {
        Span<byte> header = stackalloc byte[Frame.HeaderLength];
        from.Slice(0, Frame.HeaderLength).CopyTo(header);
        var length = Frame.HeaderLength + (int)BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        if (!assembly.TryTake(length))
        {
            connection.Tell(new ConnectionEvents.AssemblyOverflow(session), ActorRefs.NoSender);
            return false;
        }

        (_partial, _length, _filled) = (new byte[Math.Min(length, FirstPart)], length, 0);
        return true;
    }

    /// <returns>What does not belong to the frame that is assembled.</returns>
    private ReadOnlySequence<byte> TakeMissing(ReadOnlySequence<byte> from)
    {
        var taken = from.Slice(0, Math.Min(from.Length, _length - _filled));
        var filled = _filled + (int)taken.Length;
        if (filled > _partial!.Length) Array.Resize(ref _partial, Math.Min(_length, Math.Max(filled, 2 * _partial.Length)));
        taken.CopyTo(_partial.AsSpan(_filled));
        _filled = filled;
        return from.Slice(taken.End);
    }

    private void Forget()
    {
        if (_partial is not null) assembly.Return(_length);
        _partial = null;
    }

    /// <summary>Delivers each whole frame; what is left is a part of one.</summary>
    private async ValueTask<(ReadOnlySequence<byte> Left, FrameError? Fault)> DeliverAllAsync(ReadOnlySequence<byte> rest)
    {
        while (true)
        {
            var status = FrameReader.TryRead(ref rest, MaxOf(rest), out var frame, out var error);
            if (status == FrameReadStatus.NeedMore) return (rest, null);
            if (status == FrameReadStatus.Fatal) return (rest, error);
            if (status == FrameReadStatus.Skipped) Skipped(error);
            else if (await DeliverAsync(frame).ConfigureAwait(false) is { } fault) return (rest, fault);
        }
    }

    private int MaxOf(in ReadOnlySequence<byte> rest)
    {
        if (!_admitted.IsCompleted && !limits.PeersAllowed) return limits.MaxConnectSize;
        return limits.PeersAllowed && new SequenceReader<byte>(rest).TryPeek(1, out var type) && type == (byte)FrameType.RpcRoute
            ? limits.MaxFrameSize + ProtocolLimits.MaxRouteOverhead
            : limits.MaxFrameSize;
    }

    private async ValueTask<FrameError?> DeliverAsync(Frame frame)
    {
        var length = (int)frame.Payload.Length;
        var gated = !_admitted.IsCompleted && !(limits.PeersAllowed && PeerTypes.Contains(frame.Type));
        if (gated)
        {
            if (frame.Type == FrameType.Connect && length > limits.MaxConnectSize)
                return new FrameError(FrameErrorCode.FrameTooLarge, (uint)length);

            if (!session.IsFirst) await AdmittedAsync().ConfigureAwait(false);
        }

        var lease = await credit.TakeAsync(length).ConfigureAwait(false);
        metrics.FrameIn(frame.Type, length + Frame.HeaderLength);
        connection.Tell(
            new ConnectionEvents.FrameArrived(session, frame.Type, frame.Payload.ToArray(), lease),
            ActorRefs.NoSender);
        if (gated && session.IsFirst) await AdmittedAsync().ConfigureAwait(false);
        return null;
    }

    /// <summary>Until the client is admitted; then nothing is kept of what was waited for.</summary>
    private async ValueTask AdmittedAsync()
    {
        await _admitted.ConfigureAwait(false);
        _admitted = Task.CompletedTask;
    }

    private void Skipped(FrameError error)
    {
        metrics.FrameSkipped(error.CodeText);
        if (_toldSkipped) return; // one line in the log per stream, the rest is counted
        _toldSkipped = true;
        connection.Tell(new ConnectionEvents.FrameSkipped(error), ActorRefs.NoSender);
    }
}
