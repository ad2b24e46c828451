namespace Macula.Actors.Load.Scenarios;

/// <summary>What becomes of an advertised service.</summary>
internal enum Fate
{
    /// <summary>Advertised again and again.</summary>
    Renewed,

    /// <summary>One day no longer advertised.</summary>
    Abandoned,

    /// <summary>Withdrawn, with a time to live of 0.</summary>
    Withdrawn,
}
