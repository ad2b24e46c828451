namespace Macula.Actors.Load.Neighbours;

/// <summary>A measure, and how it is opened on a server.</summary>
internal sealed record Measure(string Name, Func<Bed, CancellationToken, Task<IBench>> OpenAsync);
