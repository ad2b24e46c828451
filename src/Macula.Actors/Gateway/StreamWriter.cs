using System.Buffers;
using Akka.Actor;
using Macula.Actors.Transport;

namespace Macula.Actors.Gateway;

/// <summary>Writes frames to one stream in the order of sending, many per flush when it lags behind.</summary>
/// <remarks>One pump at a time: it runs on the thread pool while there are frames, and holds nothing when there are
/// none.</remarks>
internal sealed class StreamWriter : IFrameSink, IThreadPoolWorkItem
{
    private const int FlushAt = 64 * 1024;

    private readonly IQuicStream _stream;
    private readonly OutboundQueue _queue;
    private readonly GatewayMetrics _metrics;
    private readonly FrameRing _frames = new();
    private int _expectedAnswers;
    private int _framesInFlight;
    private long _bytesInFlight;
    private bool _pumping;
    private bool _finishing;
    private bool _inputEnded;
    private bool _ended;

    /// <param name="connection">Is told once when all was written and FIN sent, or the stream has ended
    /// (<see cref="ConnectionEvents.StreamWritten"/>), and before that when its consumer must be disconnected
    /// (<see cref="ConnectionEvents.OutboundOverflow"/>).</param>
    public StreamWriter(IQuicStream stream, IActorRef connection, OutboundQueue queue, GatewayMetrics metrics)
    {
        (_stream, Connection, _queue, _metrics) = (stream, connection, queue, metrics);
    }

    public IActorRef Connection { get; }

    /// <summary>The QUIC stream id.</summary>
    public long StreamId => _stream.Id;

    /// <summary>True while someone may send here unasked, such as a subscription: then the end of the peer's sending
    /// side does not end ours.</summary>
    public bool IsHeldOpen { get; set; }

    /// <summary>True while a request that came here has not been answered.</summary>
    public bool AwaitsAnswer
    {
        get
        {
            lock (_queue.Gate) return _expectedAnswers > 0;
        }
    }

    /// <summary>True while frames are on their way into the stream and its flush waits.</summary>
    internal bool IsWriting
    {
        get
        {
            lock (_queue.Gate) return _framesInFlight > 0;
        }
    }

    public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery)
    {
        var overflow = false;
        lock (_queue.Gate)
        {
            if (_ended || _finishing) return false;
            if (delivery == FrameDelivery.Answer) Answered();
            if (_queue.HasRoom(frame.Length) || TryMakeRoom(frame.Length, delivery, out overflow))
            {
                _frames.Enqueue(frame, delivery == FrameDelivery.Droppable);
                _queue.Add(frame.Length);
                FinishIfDone();
                StartPump();
                return true;
            }

            if (!overflow) return false;
            // Before the end, which is news to the same actor and would look like the peer's doing.
            Connection.Tell(new ConnectionEvents.OutboundOverflow(), ActorRefs.NoSender);
            End();
        }

        return false;
    }

    /// <summary>Counts a request that will be answered here, so that a half-closed stream waits for it.</summary>
    public void ExpectAnswer()
    {
        lock (_queue.Gate) _expectedAnswers++;
    }

    public void Settle()
    {
        lock (_queue.Gate)
        {
            Answered();
            FinishIfDone();
            if (_finishing) StartPump();
        }
    }

    /// <summary>The peer has finished sending: finish too, once every answer is out.</summary>
    public void OnInputEnded()
    {
        lock (_queue.Gate)
        {
            _inputEnded = true;
            FinishIfDone();
            if (_finishing) StartPump();
        }
    }

    /// <summary>Takes no more frames, writes what is queued, then finishes the stream.</summary>
    public void Finish()
    {
        lock (_queue.Gate)
        {
            if (_ended) return;
            _finishing = true;
            StartPump();
        }
    }

    /// <summary>Drops the oldest frames that may be dropped while the connection has more queued than it may. For a peer
    /// that nothing more is sent to; another is trimmed by the next frame.</summary>
    public void Trim()
    {
        lock (_queue.Gate) DropExcess();
    }

    /// <summary>Drops what is queued.</summary>
    public void Stop()
    {
        lock (_queue.Gate) End();
    }

    void IThreadPoolWorkItem.Execute() => _ = PumpAsync();

    private bool TryMakeRoom(int bytes, FrameDelivery delivery, out bool overflow)
    {
        overflow = false;
        DropExcess();
        if (_queue.HasRoom(bytes)) return true;
        if (delivery == FrameDelivery.Refusable) return false;
        if (_queue.Policy == SlowConsumerPolicy.Disconnect && !_queue.HasRoomUnlessShort(bytes))
            return !(overflow = true);
        if (delivery == FrameDelivery.Droppable && _queue.Policy == SlowConsumerPolicy.DropNewest)
        {
            _queue.Dropped();
            return false;
        }

        while (!_queue.HasRoom(bytes) && _frames.TryDropOldest(out var dropped))
        {
            _queue.Remove(1, dropped.Value);
            _queue.Dropped();
        }

        if (_queue.HasRoom(bytes)) return true;
        if (delivery == FrameDelivery.Droppable) _queue.Dropped();
        else if (_queue.HasRoomUnlessShort(bytes)) return true;
        else overflow = true;
        return false;
    }

    // There is none unless the bound has shrunk.
    private void DropExcess()
    {
        var (frames, bytes) = _queue.Excess();
        if (frames <= 0 && bytes <= 0) return;
        var (dropped, freed) = _frames.DropOldest(frames, bytes);
        _queue.Trimmed(dropped, freed);
    }

    private void Answered()
    {
        if (_expectedAnswers > 0) _expectedAnswers--;
    }

    private void FinishIfDone()
    {
        if (_inputEnded && _expectedAnswers == 0 && !IsHeldOpen) _finishing = true;
    }

    private void StartPump()
    {
        if (_pumping || _ended) return;
        _pumping = true;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private async Task PumpAsync()
    {
        try
        {
            if (!await WriteWhileThereIsSomethingAsync().ConfigureAwait(false)) return;
        }
        catch (Exception e) when (e is QuicTransportException or InvalidOperationException or ObjectDisposedException)
        {
            // The stream has ended under us; its reader, or the connection's end, tells the connection actor.
        }

        Stop();
    }

    /// <returns>True when the stream is over, false when there is nothing to write for now.</returns>
    private async ValueTask<bool> WriteWhileThereIsSomethingAsync()
    {
        while (TryTakeBatch(out var finish))
        {
            var flushed = await _stream.Output.FlushAsync().ConfigureAwait(false);
            Written();
            if (flushed.IsCompleted) return true; // the peer reads no more
            if (!finish) continue;
            await _stream.Output.CompleteAsync().ConfigureAwait(false);
            return true;
        }

        return false;
    }

    /// <summary>Copies queued frames into the stream's buffer. False when there is nothing to do: the pump ends.</summary>
    private bool TryTakeBatch(out bool finish)
    {
        finish = false;
        lock (_queue.Gate)
        {
            if (_ended) return false;
            while (_bytesInFlight < FlushAt && _frames.TryDequeue(out var frame))
            {
                _framesInFlight++;
                _bytesInFlight += frame.Length;
                _stream.Output.Write(frame.Span);
            }

            finish = _finishing && _frames.Count == 0;
            if (_framesInFlight > 0 || finish) return true;
            _pumping = false;
            return false;
        }
    }

    private void Written()
    {
        lock (_queue.Gate)
        {
            _metrics.FramesOut(_framesInFlight, _bytesInFlight);
            _queue.Remove(_framesInFlight, _bytesInFlight);
            (_framesInFlight, _bytesInFlight) = (0, 0);
        }
    }

    private void End()
    {
        if (_ended) return;
        _ended = true;
        while (_frames.TryDequeue(out var frame)) _queue.Remove(1, frame.Length);
        _queue.Remove(_framesInFlight, _bytesInFlight);
        (_framesInFlight, _bytesInFlight) = (0, 0);
        Connection.Tell(new ConnectionEvents.StreamWritten(this), ActorRefs.NoSender);
    }
}
