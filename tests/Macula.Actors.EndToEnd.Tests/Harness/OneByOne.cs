namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>All specs that start processes: one after the other, so that they do not slow each other down.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class OneByOne
{
    public const string Name = "end to end";
}
