using System.Buffers.Binary;
using System.Text.Json;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Workers;

/// <summary>Clients in a process of their own, which can be killed. Reads an order, says <c>ready</c>, and waits for
/// <c>leave</c>; when its input ends it ends too, so that none outlives the tool.</summary>
public static class LoadWorker
{
    internal const string Ready = "ready", Leave = "leave";

    /// <summary>The deadline of its calls, milliseconds: the longest that a node takes by default.</summary>
    internal const int CallTimeout = 300_000;

    /// <returns>The exit code of the process.</returns>
    public static async Task<int> RunAsync(TextReader input, TextWriter output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        try
        {
            if (await input.ReadLineAsync(cancellationToken).ConfigureAwait(false) is not { } line) return 2;
            var order = WorkerOrder.Parse(line);
            var clients = await ConnectAsync(order, cancellationToken).ConfigureAwait(false);
            await output.WriteLineAsync(Ready).ConfigureAwait(false);
            await output.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (await input.ReadLineAsync(cancellationToken).ConfigureAwait(false) == Leave)
                await Crowd.EachAsync(
                    clients.Length, Crowd.Width, async (i, _) => await clients[i].LeaveAsync().ConfigureAwait(false), cancellationToken)
                    .ConfigureAwait(false);
            return 0;
        }
        catch (Exception error) when (RefusedException.Covers(error) || error is JsonException)
        {
            await output.WriteLineAsync($"failed: {error.Message}").ConfigureAwait(false);
            return 1;
        }
    }

    private static async Task<LoadClient[]> ConnectAsync(WorkerOrder order, CancellationToken cancellationToken)
    {
        var dial = new Dial(order.Target(), order.Quic, cancellationToken);
        var seeded = new Seeded(order.Seed, order.Scenario);
        var clients = new LoadClient[order.Count];
        await Crowd.EachAsync(order.Count, Crowd.Width, async (i, stop) =>
        {
            clients[i] = await LoadClient.ConnectAsync(dial, seeded.Id(order.First + i), stop).ConfigureAwait(false);
            if (order.Procedure is { } procedure)
                await CallAsync(clients[i], procedure, order.First + i, order.Calls, stop).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
        return clients;
    }

    /// <summary>Makes calls that carry who made them, and waits until the node has taken them up.</summary>
    internal static async Task CallAsync(
        LoadClient client, Utf8Text procedure, int caller, int calls, CancellationToken cancellationToken)
    {
        var args = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(args, caller);
        for (var call = 0; call < calls; call++)
            client.Write(new CallMessage(procedure, args, CallId.FromCounter((UInt128)(call + 1)), Timeout: CallTimeout));
        await client.SettleAsync(cancellationToken).ConfigureAwait(false);
    }
}
