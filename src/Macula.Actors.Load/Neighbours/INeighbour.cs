namespace Macula.Actors.Load.Neighbours;

/// <summary>A server that runs, as a process of its own on this machine. Disposing ends it.</summary>
internal interface INeighbour : IAsyncDisposable
{
    string Name { get; }

    int Pid { get; }

    /// <summary>The end of what it logged; empty when that was nothing.</summary>
    string Said { get; }

    /// <summary>Connects a client, which is admitted when this returns.</summary>
    /// <param name="number">Gives it its id.</param>
    Task<INeighbourClient> ConnectAsync(int number, CancellationToken cancellationToken);
}
