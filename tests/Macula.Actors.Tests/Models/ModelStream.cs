using System.Buffers;
using System.IO.Pipelines;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests.Models;

/// <summary>A stream whose peer is the model: what either side does has its effect before the call returns.</summary>
/// <param name="lingers">Whether what the node does to it takes effect only in <see cref="End"/>.</param>
internal sealed class ModelStream(ModelConnection connection, int id, bool lingers) : IQuicStream
{
    private static readonly PipeOptions Inline = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, minimumSegmentSize: 64,
        useSynchronizationContext: false);

    private readonly List<TaskCompletionSource> _closed = [];
    private Pipe? _said; // by the peer; made when asked for, most streams need neither
    private Pipe? _sent;

    public bool CanRead => true;

    public bool CanWrite => true;

    public long? StopCode => null;

    public long Id => id;

    public PipeReader Input => (_said ??= new Pipe(Inline)).Reader;

    public PipeWriter Output => (_sent ??= new Pipe(Inline)).Writer;

    public IQuicConnection Connection => connection;

    // One for each who asks: of several continuations of one task only one would run before the model goes on.
    public Task Closed
    {
        get
        {
            if (IsClosed) return Task.CompletedTask;
            var closed = new TaskCompletionSource();
            _closed.Add(closed);
            return closed.Task;
        }
    }

    public bool IsClosed { get; private set; }

    public bool Lingers => lingers;

    public bool IsAborted { get; private set; }

    /// <summary>Whether the peer has reset it.</summary>
    public bool IsBroken { get; private set; }

    public void Abort(QuicAbortDirection direction, long errorCode)
    {
        IsAborted = true;
        if (!lingers) End();
    }

    public ValueTask DisposeAsync()
    {
        if (!lingers) End();
        return ValueTask.CompletedTask;
    }

    /// <summary>What the node has sent since the last call, and whether it has finished.</summary>
    public (byte[] Bytes, bool IsFinished) Sent()
    {
        if (_sent is null || !_sent.Reader.TryRead(out var read)) return ([], false);
        var all = read.Buffer.ToArray();
        _sent.Reader.AdvanceTo(read.Buffer.End);
        return (all, read.IsCompleted);
    }

    /// <summary>The peer sends.</summary>
    public void Say(ReadOnlyMemory<byte> bytes) => _ = _said!.Writer.WriteAsync(bytes).AsTask(); // never waits, for it is little

    /// <summary>The peer finishes its side.</summary>
    public void Finish() => _said!.Writer.Complete();

    /// <summary>The peer resets it.</summary>
    public void Break()
    {
        IsBroken = true;
        Fail();
        if (!lingers) End();
    }

    /// <summary>Both directions have ended. What the peer said before can still be read, unless the node has given it up.
    /// </summary>
    public void End()
    {
        if (IsAborted) Fail();
        if (IsClosed) return;
        IsClosed = true;
        foreach (var closed in _closed) closed.SetResult();
    }

    public override string ToString() => $"{connection} stream {id}";

    private void Fail()
    {
        var cause = new QuicTransportException(QuicTransportError.StreamAborted, "the stream was reset");
        if (IsBroken) _ = (Input, Output); // nobody may have asked yet
        _sent?.Reader.Complete(cause);
        _said?.Writer.Complete(cause);
    }
}
