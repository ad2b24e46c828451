using Macula.Actors.Memory;

namespace Macula.Actors.Tests;

/// <summary>Memory as a spec says; bytes, of a limit of 100.</summary>
internal sealed class ScriptedMemory : IMemorySource
{
    private int _reads;
    private int _collections;
    private int _refreshes;
    private long _live;

    /// <summary>What is read.</summary>
    public long Live
    {
        get => Volatile.Read(ref _live);
        set => Volatile.Write(ref _live, value);
    }

    /// <summary>What of it a collection leaves; null: all.</summary>
    public long? AfterCollection { get; set; }

    /// <summary>Thrown by the next reading.</summary>
    public Exception? Fault { get; set; }

    /// <summary>Thrown by collections.</summary>
    public Exception? CollectFault { get; set; }

    /// <summary>What collections wait for.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public int Reads => Volatile.Read(ref _reads);

    /// <summary>Collections that were waited for.</summary>
    public int Collections => Volatile.Read(ref _collections);

    /// <summary>Those that were not.</summary>
    public int Refreshes => Volatile.Read(ref _refreshes);

    public MemoryReading Read()
    {
        if (Fault is { } fault)
        {
            Fault = null;
            throw fault;
        }

        Interlocked.Increment(ref _reads);
        return new MemoryReading(Live, 0, 100, 1000);
    }

    public void Collect(bool waits)
    {
        Gate.Wait(SpecExtensions.Deadline);
        if (AfterCollection is { } left) Live = left;
        Interlocked.Increment(ref waits ? ref _collections : ref _refreshes);
        if (CollectFault is { } fault) throw fault;
    }
}
