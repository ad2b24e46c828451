using System.Diagnostics;
using Macula.Actors.Load.Scenarios;

namespace Macula.Actors.Load.Workers;

/// <summary>A process with clients. Disposing kills it.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly WorkerOrder _order;

    private WorkerProcess(Process process, WorkerOrder order) => (_process, _order) = (process, order);

    /// <summary>Starts it and waits until its clients are connected.</summary>
    /// <exception cref="LoadException">They could not connect.</exception>
    public static async Task<WorkerProcess> StartAsync(
        ScenarioRun run, int first, int count, CancellationToken cancellationToken, string? procedure = null, int calls = 0)
    {
        var order = new WorkerOrder(
            run.Dial.Options.EndPoint is System.Net.DnsEndPoint name ? $"{name.Host}:{name.Port}" : run.Dial.Options.EndPoint.ToString()!,
            run.Fingerprint, run.Dial.Realm.ToString(), run.Options.Quic, run.Seeded.Seed, run.Seeded.Name, first, count,
            procedure, calls);
        var program = run.Options.Worker;
        var start = new ProcessStartInfo(program[0], program.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var worker = new WorkerProcess(Process.Start(start)!, order);
        try
        {
            await worker.ReadyAsync(cancellationToken).ConfigureAwait(false);
            return worker;
        }
        catch
        {
            await worker.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>SIGKILL: its clients go without a word, and the node has to find out.</summary>
    public Task KillAsync()
    {
        _process.Kill();
        return _process.WaitForExitAsync();
    }

    /// <summary>Its clients say goodbye.</summary>
    /// <exception cref="TimeoutException">It did not end within 30 s.</exception>
    public async Task LeaveAsync(CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync(LoadWorker.Leave).ConfigureAwait(false);
        await _process.StandardInput.FlushAsync(cancellationToken).ConfigureAwait(false);
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(LeaveTime, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await KillAsync().ConfigureAwait(false);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }

        _process.Dispose();
    }

    private async Task ReadyAsync(CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync(_order.ToJson()).ConfigureAwait(false);
        await _process.StandardInput.FlushAsync(cancellationToken).ConfigureAwait(false);
        var said = await _process.StandardOutput.ReadLineAsync(cancellationToken).ConfigureAwait(false);
        if (said != LoadWorker.Ready)
            throw new LoadException($"a worker with {_order.Count} clients did not start: {said ?? "it ended"}");
    }
}
