using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Streams;

/// <summary>The loop's side of a stream's output: which bytes are sent and which are acknowledged.</summary>
/// <remarks>The bytes stay in the pipe, which is made of <see cref="PinnedBlocks"/>, until they are acknowledged:
/// released &lt;= acknowledged &lt;= sent &lt;= queued. Loop thread only.</remarks>
internal sealed class SendQueue(PipeReader pipe)
{
    /// <summary>Released in pieces of at least this, or when nothing is left, to spare locks.</summary>
    private const int ReleaseStep = 4096;

    private ReadOnlySequence<byte> _unsent;
    private long _released;
    private long _acknowledged;
    private long _sent;
    private long _queued;
    private bool _finWanted;
    private bool _finSent;
    private bool _sealed;
    private bool _given;

    /// <summary>True when there is something to send: bytes or the FIN.</summary>
    public bool HasPending => !_given && (_sent < _queued || (_finWanted && !_finSent));

    public bool HasUnacknowledged => !_given && _acknowledged < _queued;

    public bool HasSent => _sent > 0;

    /// <summary>The FIN has gone out: the library refuses the stream from here on, which says nothing about the peer.</summary>
    public bool HasSentFin => _finSent;

    /// <summary>Takes note of what was written and releases what was acknowledged.</summary>
    public void Refresh()
    {
        if (_given || !pipe.TryRead(out var result)) return;
        var buffer = result.Buffer;
        if (_sealed) buffer = buffer.Slice(0, _queued - _released);
        var keepFrom = buffer.GetPosition(_acknowledged - _released);
        _queued = _released + buffer.Length;
        _unsent = _sent < _queued ? buffer.Slice(_sent - _released) : default;
        _released = _acknowledged;
        _finWanted |= result.IsCompleted;
        pipe.AdvanceTo(keepFrom, keepFrom);
    }

    /// <summary>Sends a FIN after what was written so far; what is written later goes nowhere.</summary>
    public void Finish()
    {
        Refresh();
        _finWanted = true;
        _sealed = true;
    }

    /// <summary>Points the vectors at unsent bytes.</summary>
    /// <param name="fin">True when they reach to the end of the stream.</param>
    public unsafe int Gather(NativeVector* vectors, int most, out bool fin)
    {
        var count = 0;
        var gathered = 0L;
        if (_sent < _queued)
        {
            foreach (var piece in _unsent)
            {
                if (piece.IsEmpty) continue;
                if (count == most) break;
                vectors[count].Base = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(piece.Span));
                vectors[count++].Length = (nuint)piece.Length;
                gathered += piece.Length;
            }
        }

        fin = _finWanted && _sent + gathered == _queued;
        return count;
    }

    /// <summary>The library took this many bytes, and the FIN if it was offered and all bytes were taken.</summary>
    public void Took(long count, bool finOffered)
    {
        _sent += count;
        _unsent = _sent < _queued ? _unsent.Slice(count) : default;
        if (finOffered && _sent == _queued) _finSent = true;
    }

    public void Acknowledged(long offset)
    {
        _acknowledged = Math.Max(_acknowledged, offset);
        if (_acknowledged - _released >= ReleaseStep || _acknowledged == _queued) Refresh();
    }

    /// <summary>Nothing more is sent. The bytes stay where they are: the library may still point to them.</summary>
    public void GiveUp() => _given = true;

    /// <summary>Gives the memory back; the library no longer knows the stream.</summary>
    public void Free()
    {
        _given = true;
        _unsent = default;
        pipe.Complete();
    }
}
