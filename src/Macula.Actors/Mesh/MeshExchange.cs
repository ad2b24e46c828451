using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Mesh;

/// <summary>What is done on a stream outside the pool. It ends early when the stream is aborted.</summary>
internal static class MeshExchange
{
    private const int FirstPart = 16 * 1024;

    /// <summary>How it ended: with a frame, or with a fault.</summary>
    public sealed record Outcome(FrameType Type, ReadOnlyMemory<byte> Payload, string? Fault = null);

    /// <summary>Sends a frame and waits for the first one that comes back. The sending side stays open until then, so
    /// that giving up resets it and the peer notices.</summary>
    /// <param name="maxPayload">The largest payload that is taken, in bytes.</param>
    public static async Task<Outcome> ExchangeAsync(IQuicStream stream, ReadOnlyMemory<byte> frame, int maxPayload)
    {
        try
        {
            await stream.Output.WriteAsync(frame).ConfigureAwait(false);
            var answer = await ReadAsync(stream.Input, maxPayload).ConfigureAwait(false);
            if (answer.Fault is null) await stream.Output.CompleteAsync().ConfigureAwait(false);
            else stream.Abort(QuicAbortDirection.Both, DisconnectReason.ProtocolError.Code());
            await stream.DisposeAsync().ConfigureAwait(false);
            return answer;
        }
        catch (Exception e) when (IsEnd(e))
        {
            stream.Abort(QuicAbortDirection.Both, DisconnectReason.Normal.Code());
            return Failed(e.Message);
        }
    }

    /// <summary>Sends a frame, finishes the stream, and waits until the peer has all and has finished too.</summary>
    public static async Task<Outcome> SendAsync(IQuicStream stream, ReadOnlyMemory<byte> frame)
    {
        try
        {
            await stream.Output.WriteAsync(frame).ConfigureAwait(false);
            await stream.Output.CompleteAsync().ConfigureAwait(false);
            while (true)
            {
                var read = await stream.Input.ReadAsync().ConfigureAwait(false);
                stream.Input.AdvanceTo(read.Buffer.End); // nobody asked
                if (read.IsCompleted) break;
            }

            await stream.Closed.ConfigureAwait(false);
            await stream.DisposeAsync().ConfigureAwait(false);
            return new Outcome(default, default);
        }
        catch (Exception e) when (IsEnd(e))
        {
            stream.Abort(QuicAbortDirection.Both, DisconnectReason.Normal.Code());
            return Failed(e.Message);
        }
    }

    private static async ValueTask<Outcome> ReadAsync(PipeReader input, int maxPayload)
    {
        while (true)
        {
            var read = await input.ReadAsync().ConfigureAwait(false);
            var rest = read.Buffer;
            var status = FrameReader.TryRead(ref rest, maxPayload, out var frame, out var error);
            if (status == FrameReadStatus.Frame)
            {
                var answer = new Outcome(frame.Type, frame.Payload.ToArray());
                input.AdvanceTo(rest.Start);
                return answer;
            }

            if (status == FrameReadStatus.Fatal) return Failed(error.ToString());
            if (status == FrameReadStatus.Skipped)
            {
                input.AdvanceTo(rest.Start);
                continue;
            }

            if (read.IsCompleted) return Failed("The peer finished the stream without an answer.");
            if (rest.Length < Frame.HeaderLength)
            {
                input.AdvanceTo(rest.Start, rest.End);
                continue;
            }

            if (await AssembleAsync(input, rest).ConfigureAwait(false) is not { } whole)
                return Failed("The peer finished the stream in the middle of its answer.");
            var assembled = new ReadOnlySequence<byte>(whole);
            if (FrameReader.TryRead(ref assembled, maxPayload, out frame, out _) == FrameReadStatus.Frame)
                return new Outcome(frame.Type, whole.AsMemory(Frame.HeaderLength));
        }
    }

    /// <summary>Takes a frame out of the receive window, which may be smaller than the frame: the peer could not send
    /// the rest. Null when the stream ends before the frame does.</summary>
    private static async ValueTask<byte[]?> AssembleAsync(PipeReader input, ReadOnlySequence<byte> first)
    {
        var header = new byte[Frame.HeaderLength];
        first.Slice(0, Frame.HeaderLength).CopyTo(header);
        var length = Frame.HeaderLength + (int)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4));
        var filled = (int)first.Length;
        var whole = new byte[Math.Min(length, Math.Max(filled, FirstPart))];
        first.CopyTo(whole);
        input.AdvanceTo(first.End);
        while (filled < length)
        {
            var read = await input.ReadAsync().ConfigureAwait(false);
            var taken = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, length - filled));
            var end = filled + (int)taken.Length;
            // Grows with what comes, whatever was announced.
            if (end > whole.Length) Array.Resize(ref whole, Math.Min(length, Math.Max(end, 2 * whole.Length)));
            taken.CopyTo(whole.AsSpan(filled));
            filled = end;
            input.AdvanceTo(taken.End);
            if (read.IsCompleted && filled < length) return null;
        }

        return whole;
    }

    private static Outcome Failed(string fault) => new(default, default, fault);

    // An aborted stream, a lost connection, or a pipe that somebody completed.
    private static bool IsEnd(Exception e) =>
        e is QuicTransportException or OperationCanceledException or InvalidOperationException;
}
