namespace Macula.Actors.Gateway;

/// <summary>Bounds the unfinished frames of a connection, all streams together, by the lengths that they announce.
/// Thread-safe.</summary>
/// <remarks>It refuses where <see cref="ReadCredit"/> would wait: a reader that waited would leave its stream's bytes in
/// the connection's receive window, and those that hold the budget could get no more.</remarks>
internal sealed class AssemblyBudget(int maxBytes)
{
    private long _bytes;

    /// <summary>Bytes taken now.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref _bytes, bytes) <= maxBytes) return true;
        Return(bytes);
        return false;
    }

    public void Return(int bytes) => Interlocked.Add(ref _bytes, -bytes);
}
