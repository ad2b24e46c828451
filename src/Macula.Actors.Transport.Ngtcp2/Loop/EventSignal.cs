using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>An eventfd: wakes the loop out of its wait. A handle, so that a late signal never writes into a
/// descriptor that meanwhile belongs to somebody else.</summary>
internal sealed unsafe class EventSignal : SafeHandle
{
    public EventSignal() : base(invalidHandleValue: -1, ownsHandle: true)
    {
        handle = SystemLibrary.EventCreate(0, SystemLibrary.EventNonBlocking);
        if (IsInvalid) throw new QuicTransportException(QuicTransportError.InternalError, "eventfd failed");
    }

    public override bool IsInvalid => handle == -1;

    public int Descriptor => (int)handle;

    public void Set()
    {
        var held = false;
        try
        {
            DangerousAddRef(ref held);
            var one = 1UL;
            SystemLibrary.Write((int)handle, &one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // The loop has ended; nobody is left to wake.
        }
        finally
        {
            if (held) DangerousRelease();
        }
    }

    public void Clear()
    {
        ulong count;
        SystemLibrary.Read((int)handle, &count, sizeof(ulong));
    }

    protected override bool ReleaseHandle() => SystemLibrary.Close((int)handle) == 0;
}
