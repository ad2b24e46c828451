using Macula.Actors.Memory;

namespace Macula.Actors.Mesh;

/// <summary>What a mesh pool does not forget when it is restarted, because others hold on to it.</summary>
public sealed class MeshSurvivors
{
    internal MeshSurvivors()
    {
    }

    /// <summary>Numbers are never used twice: the actors that have them may still live.</summary>
    internal long LastAttempt { get; set; }

    /// <summary>Streams tell their end here, also those that were opened before.</summary>
    internal EndedLeases Ended { get; } = new();

    /// <summary>Those that had open streams when the pool failed, until these are found again.</summary>
    internal List<MeshParty> Owners { get; } = [];

    /// <summary>Told only when it changes.</summary>
    internal MemoryLevel Level { get; set; }
}
