namespace Macula.Actors.Load.Tests.EndToEnd;

/// <summary>One after the other, so that they do not slow each other down.</summary>
[CollectionDefinition("load", DisableParallelization = true)]
public sealed class OneByOne;
