using System.Diagnostics.CodeAnalysis;
using Macula.Actors.Transport.Ngtcp2.Streams;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>Streams in the order of their coming. The first is kept without a queue: an idle client has no other, and a
/// queue with its array takes 100 bytes.</summary>
/// <remarks>Its owner puts a stream in once, so that the streams of the connection bound it. A mutable struct: its field is
/// not readonly, and it is not copied.</remarks>
internal struct StreamQueue
{
    private QuicStream? _first; // null when there is none at all
    private Queue<QuicStream>? _others;

    public readonly int Count => _first is null ? 0 : 1 + (_others?.Count ?? 0);

    public readonly bool TryPeek([NotNullWhen(true)] out QuicStream? stream) => (stream = _first) is not null;

    public void Enqueue(QuicStream stream)
    {
        if (_first is null) _first = stream;
        else (_others ??= new()).Enqueue(stream);
    }

    public bool TryDequeue([NotNullWhen(true)] out QuicStream? stream)
    {
        stream = _first;
        _first = _others is { Count: > 0 } ? _others.Dequeue() : null;
        return stream is not null;
    }

    public void Clear()
    {
        _first = null;
        _others?.Clear();
    }
}
