using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A timerfd: ends the wait of a loop that has gone to sleep for longer than it now may.</summary>
internal sealed unsafe class AlarmClock : IDisposable
{
    private const ulong Second = 1_000_000_000;

    public AlarmClock()
    {
        Descriptor = SystemLibrary.TimerCreate(SystemLibrary.MonotonicClock, SystemLibrary.EventNonBlocking);
        if (Descriptor == -1) throw new QuicTransportException(QuicTransportError.InternalError, "timerfd_create failed");
    }

    public int Descriptor { get; }

    /// <summary>Instead of what was set before.</summary>
    /// <param name="at">Nanoseconds of the monotonic clock, not 0.</param>
    public void Set(ulong at)
    {
        var time = new TimerSpecification
        {
            Value = new TimeSpecification { Seconds = (long)(at / Second), Nanoseconds = (long)(at % Second) },
        };
        _ = SystemLibrary.TimerSet(Descriptor, SystemLibrary.AbsoluteTime, &time, null);
    }

    public void Clear()
    {
        ulong count;
        SystemLibrary.Read(Descriptor, &count, sizeof(ulong));
    }

    public void Dispose() => _ = SystemLibrary.Close(Descriptor);
}
