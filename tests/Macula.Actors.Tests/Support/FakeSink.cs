using Akka.Actor;
using Macula.Actors.Gateway;

namespace Macula.Actors.Tests;

/// <summary>Records what is sent to a stream.</summary>
internal sealed class FakeSink(IActorRef connection) : IFrameSink
{
    private readonly Lock _gate = new();
    private readonly List<(WireFrame Frame, FrameDelivery Delivery)> _sent = [];
    private int _settled;

    public IActorRef Connection { get; } = connection;

    /// <summary>False: nothing more is taken, as by a stream that has ended or is full.</summary>
    public bool IsOpen { get; set; } = true;

    public int Settled => Volatile.Read(ref _settled);

    public IReadOnlyList<WireFrame> Frames
    {
        get
        {
            lock (_gate) return [.. _sent.Select(sent => sent.Frame)];
        }
    }

    public IReadOnlyList<FrameDelivery> Deliveries
    {
        get
        {
            lock (_gate) return [.. _sent.Select(sent => sent.Delivery)];
        }
    }

    public WireFrame Last => Frames[^1];

    public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery)
    {
        lock (_gate)
        {
            if (!IsOpen) return false;
            _sent.Add((WireFrame.Parse(frame), delivery));
            return true;
        }
    }

    public void Settle() => Interlocked.Increment(ref _settled);
}
