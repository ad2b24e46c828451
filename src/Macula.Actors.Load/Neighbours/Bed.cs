using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A server that is measured, and the numbers of its clients, none of which comes twice.</summary>
internal sealed class Bed(INeighbour server)
{
    private const double Busy = 0.02; // CPU seconds: two of the steps in which the kernel counts

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private int _last;

    public string Name => server.Name;

    public string Said => server.Said;

    /// <summary>What the kernel says of the server now.</summary>
    public KernelFigures Kernel =>
        KernelFigures.Read(server.Pid) ?? throw new LoadException($"{Name} has ended, or this machine has no /proc");

    public Task<INeighbourClient> ConnectAsync(CancellationToken cancellationToken) =>
        server.ConnectAsync(Interlocked.Increment(ref _last), cancellationToken);

    /// <summary>Waits until the server has nothing left to do, at most 20 s.</summary>
    public async Task QuietAsync(CancellationToken cancellationToken)
    {
        var before = Kernel.CpuSeconds;
        for (var waited = TimeSpan.Zero; waited < Patience; waited += Look)
        {
            await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
            var now = Kernel.CpuSeconds;
            if (now - before <= Busy) return;
            before = now;
        }
    }
}
