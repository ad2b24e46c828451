using System.Diagnostics;
using Macula.Actors.Load.Wire;

namespace Macula.Actors.Load.Neighbours;

/// <summary>Clients that connect, 16 at once: TCP or QUIC, a full TLS handshake, and admission.</summary>
internal sealed class ConnectBench(Bed bed, string measure, int count) : IBench
{
    public async Task RunAsync(TimeSpan time, Tell tell, CancellationToken cancellationToken)
    {
        await bed.QuietAsync(cancellationToken).ConfigureAwait(false); // those of the last run have gone
        var (start, cpu) = (Stopwatch.GetTimestamp(), bed.Kernel.CpuSeconds);
        var clients = await IdleClients.ConnectAsync(bed, count, cancellationToken).ConfigureAwait(false);
        tell(measure, count / Stopwatch.GetElapsedTime(start).TotalSeconds, "1/s");
        tell($"{measure}, server CPU each", (bed.Kernel.CpuSeconds - cpu) / count * 1e6, "us");
        await Crowd.EndAsync(clients).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
