using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A server that is measured, and the numbers of its clients, none of which comes twice.</summary>
internal sealed class Bed(INeighbour server)
{
    private const double Busy = 0.1; // cores; the kernel counts in steps of 10 ms, so that less cannot be told in this time

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private int _last;

    public string Name => server.Name;

    public string Said => server.Said;

    /// <summary>What the kernel says of the server now.</summary>
    public KernelFigures Kernel =>
        KernelFigures.Read(server.Pid) ?? throw new LoadException($"{Name} has ended, or this machine has no /proc");

    public Task<INeighbourClient> ConnectAsync(CancellationToken cancellationToken) =>
        server.ConnectAsync(Interlocked.Increment(ref _last), cancellationToken);

    /// <summary>Waits until the server has nothing left to do, at most 5 s.</summary>
    public async Task QuietAsync(CancellationToken cancellationToken)
    {
        var before = Kernel.CpuSeconds;
        for (var waited = TimeSpan.Zero; waited < Patience; waited += Look)
        {
            await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
            var now = Kernel.CpuSeconds;
            if (now - before <= Busy * Look.TotalSeconds) return;
            before = now;
        }
    }
}
