namespace Macula.Actors.Load.Neighbours;

/// <summary>A kind of server that is measured.</summary>
internal interface INeighbourKind
{
    /// <summary>As in the report.</summary>
    string Name { get; }

    /// <summary>Why it cannot be measured here and what to do about it; null when it can.</summary>
    string? Missing { get; }

    /// <exception cref="LoadException">It did not start; the message has what it said.</exception>
    Task<INeighbour> StartAsync(CancellationToken cancellationToken);
}
