using System.IO.Pipelines;

namespace Macula.Actors.Transport;

/// <summary>A QUIC stream as a pipe: bidirectional, or one direction of it.</summary>
/// <remarks>
/// <para><see cref="IDuplexPipe.Input"/> ends (IsCompleted) at the peer's FIN, and throws a
/// <see cref="QuicTransportException"/> when the peer resets the stream or the connection ends; bytes that arrived
/// before either are still delivered first. What is not yet consumed counts against the receive window, so a reader
/// that stops reading stops the peer.</para>
/// <para><see cref="IDuplexPipe.Output"/>: FlushAsync completes when the bytes are taken over and fewer than
/// <see cref="QuicConnectionOptions.SendBuffer"/> bytes wait for acknowledgement; Complete() sends FIN, and
/// Complete(exception) resets the sending side with <see cref="QuicConnectionOptions.DefaultStreamErrorCode"/>.
/// FlushAsync reports IsCompleted when the peer stopped reading (STOP_SENDING), with <see cref="StopCode"/> as its
/// reason, and throws when the connection ended.</para>
/// <para>Of a unidirectional stream one side has the output and the other the input; the direction that is not there
/// throws <see cref="InvalidOperationException"/> when asked for, and aborting it does nothing.</para>
/// <para>Disposing finishes the output if it is still open, stops the input if it is not at its end, and does not
/// wait.</para>
/// </remarks>
public interface IQuicStream : IDuplexPipe, IAsyncDisposable
{
    /// <summary>The QUIC stream id (RFC 9000, section 2.1).</summary>
    long Id { get; }

    IQuicConnection Connection { get; }

    /// <summary>False on a unidirectional stream that this side opened.</summary>
    bool CanRead { get; }

    /// <summary>False on a unidirectional stream that the peer opened.</summary>
    bool CanWrite { get; }

    /// <summary>The application error code with which the peer stopped reading (STOP_SENDING, RFC 9000, section 19.5);
    /// null while it has not.</summary>
    long? StopCode { get; }

    /// <summary>Completes, never faults, when the directions that there are have ended: FIN or reset, sent ones
    /// acknowledged.</summary>
    Task Closed { get; }

    /// <summary>Gives one or both directions up at once: RESET_STREAM for writing, STOP_SENDING for reading.</summary>
    void Abort(QuicAbortDirection direction, long errorCode);
}

/// <summary>The directions of a stream that are given up.</summary>
[Flags]
public enum QuicAbortDirection
{
    Read = 1,
    Write = 2,
    Both = Read | Write,
}
