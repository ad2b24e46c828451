namespace Macula.Actors.Memory;

/// <summary>Where a <see cref="MemoryGuardActor"/> learns what is held. Thread-safe.</summary>
public interface IMemorySource
{
    /// <summary>What is held now. Quick: no disk, no collection.</summary>
    MemoryReading Read();

    /// <summary>Asks for a collection of all generations, so that the next reading counts no garbage.</summary>
    /// <param name="waits">True: returns when it is done, and all else in the process stands still meanwhile. False: it
    /// runs beside the process, and a later reading shows it.</param>
    void Collect(bool waits);
}
