using Macula.Actors.Load.Nodes;
using Macula.Actors.Load.Scenarios;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Neighbours;

/// <summary>Our own node, as the other scenarios start it.</summary>
/// <param name="isOwned">Whether it ends with this.</param>
internal sealed class MaculaNeighbour(OwnNode node, Dial dial, Seeded seeded, bool isOwned) : INeighbour
{
    public const string KindName = "macula";

    public string Name => KindName;

    public int Pid => node.Pid;

    public string Said => node.Said;

    public async Task<INeighbourClient> ConnectAsync(int number, CancellationToken cancellationToken) =>
        new MaculaNeighbourClient(
            await LoadClient.ConnectAsync(dial, seeded.Id(number, "neighbour"), cancellationToken).ConfigureAwait(false));

    public ValueTask DisposeAsync() => isOwned ? node.DisposeAsync() : ValueTask.CompletedTask;

    /// <param name="settings">Of the nodes, each <c>key=value</c>.</param>
    internal sealed class Kind(ScenarioRun run, IReadOnlyList<string> settings) : INeighbourKind
    {
        private bool _isTaken;

        public string Name => KindName;

        public string? Missing => null; // the run has one already

        /// <summary>The first time it is the node that the run has, whose figures are on the screen; then a fresh one.
        /// </summary>
        public async Task<INeighbour> StartAsync(CancellationToken cancellationToken)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return new MaculaNeighbour(run.Own!, run.Dial, run.Seeded, isOwned: false);
            }

            var node = await OwnNode.StartAsync(
                run.Options.NodeDll ?? NodeProgram.Find()!, run.Options.Quic, settings, cancellationToken)
                .ConfigureAwait(false);
            return new MaculaNeighbour(node, new Dial(node.Target, run.Options.Quic, run.Dial.Over), run.Seeded, isOwned: true);
        }
    }
}
