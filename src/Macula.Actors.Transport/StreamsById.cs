namespace Macula.Actors.Transport;

/// <summary>The streams of one connection. One is kept without a table: an idle client has no other, and a dictionary takes
/// 200 bytes.</summary>
/// <remarks>Not thread-safe. As large as the streams that are added; QUIC's stream limits bound them.</remarks>
public sealed class StreamsById<T>
    where T : class
{
    private long _oneId;
    private T? _one;
    private Dictionary<long, T>? _others;

    public int Count => (_one is null ? 0 : 1) + (_others?.Count ?? 0);

    /// <summary>In no particular order.</summary>
    public IEnumerable<T> All
    {
        get
        {
            if (_one is not null) yield return _one;
            if (_others is null) yield break;
            foreach (var each in _others.Values) yield return each;
        }
    }

    /// <summary>Null when there is none with this id.</summary>
    public T? Find(long id) => _one is not null && _oneId == id ? _one : _others?.GetValueOrDefault(id);

    /// <exception cref="ArgumentException">There is one with this id.</exception>
    public void Add(long id, T stream)
    {
        if (Find(id) is not null) throw new ArgumentException($"the stream {id} is there already", nameof(id));
        if (_one is null) (_oneId, _one) = (id, stream);
        else (_others ??= []).Add(id, stream);
    }

    /// <summary>Takes a stream out; null when there is none with this id.</summary>
    public T? Remove(long id)
    {
        if (_one is null || _oneId != id)
            return _others is not null && _others.Remove(id, out var other) ? other : null;
        var one = _one;
        _one = null;
        return one;
    }

    public void Clear() => (_one, _others) = (null, null);
}
