using System.Net;

namespace Macula.Actors.Load.Neighbours;

/// <summary>How a client of a server connects.</summary>
internal delegate Task<INeighbourClient> NeighbourConnect(IPEndPoint server, int number, CancellationToken cancellationToken);

/// <summary>A server that somebody else wrote.</summary>
internal sealed class ForeignNeighbour(string name, ServerProcess process, NeighbourConnect connect) : INeighbour
{
    public string Name => name;

    public int Pid => process.Pid;

    public string Said => process.Said;

    public Task<INeighbourClient> ConnectAsync(int number, CancellationToken cancellationToken) =>
        connect(process.EndPoint, number, cancellationToken);

    public ValueTask DisposeAsync() => process.DisposeAsync();

    /// <param name="program">Its path; null when it is not there.</param>
    /// <param name="missing">What to say then.</param>
    internal sealed class Kind(
        string name, string? program, string missing, Func<int, IEnumerable<string>> arguments, NeighbourConnect connect)
        : INeighbourKind
    {
        public string Name => name;

        public string? Missing => program is null ? missing : null;

        public async Task<INeighbour> StartAsync(CancellationToken cancellationToken) => new ForeignNeighbour(
            name, await ServerProcess.StartAsync(program!, arguments, cancellationToken).ConfigureAwait(false), connect);
    }
}
