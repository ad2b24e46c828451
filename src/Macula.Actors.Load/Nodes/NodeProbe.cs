using System.Text.Json;
using System.Text.Json.Nodes;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Nodes;

/// <summary>The client that asks the node for its figures. It takes one of its places.</summary>
internal sealed class NodeProbe : IAsyncDisposable
{
    /// <summary>How the node writes its figures.</summary>
    internal static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly LoadClient _client;
    private readonly int? _pid;
    private UInt128 _lastCall;

    private NodeProbe(LoadClient client, int? pid) => (_client, _pid) = (client, pid);

    /// <summary>The certificate of the node, for workers.</summary>
    public string Fingerprint => _client.Fingerprint;

    /// <summary>Completes, never faults, when the node no longer talks to it.</summary>
    public Task<QuicClosed> Closed => _client.Closed;

    /// <param name="pid">The node's process, if it is on this machine.</param>
    public static async Task<NodeProbe> ConnectAsync(Dial dial, NodeId id, int? pid, CancellationToken cancellationToken) =>
        new(await LoadClient.ConnectAsync(dial, id, cancellationToken).ConfigureAwait(false), pid);

    /// <summary>Tables, memory, and what the kernel says.</summary>
    /// <exception cref="QuicTransportException">The node is gone.</exception>
    /// <exception cref="TimeoutException">It did not answer within 10 s.</exception>
    public async Task<NodeSample> ReadAsync(TimeSpan at, CancellationToken cancellationToken) =>
        await CompleteAsync(await ReadTablesAsync(at, cancellationToken).ConfigureAwait(false), cancellationToken)
            .ConfigureAwait(false);

    /// <summary>Tables alone: a question less, for those who wait for something to come about.</summary>
    public async Task<NodeSample> ReadTablesAsync(TimeSpan at, CancellationToken cancellationToken)
    {
        var tables = await AskAsync("tables", cancellationToken).ConfigureAwait(false)
            ?? throw new InvalidDataException("the node does not answer com.macula.diagnostics.tables");
        return new NodeSample(
            at, tables.AsObject().ToDictionary(each => each.Key, each => each.Value.Deserialize<TableFigures>(Json)!),
            null, null);
    }

    /// <summary>The same with all that tables alone do not tell.</summary>
    public async Task<NodeSample> CompleteAsync(NodeSample tables, CancellationToken cancellationToken)
    {
        var kernel = _pid is { } pid ? KernelFigures.Read(pid) : null;
        var memory = await AskAsync("memory", cancellationToken).ConfigureAwait(false);
        return tables with { Memory = memory.Deserialize<MemoryFigures>(Json), Kernel = kernel };
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync().ConfigureAwait(false);
        _turn.Dispose();
    }

    // Null when the node refuses, as an older one does that has no such procedure.
    private async Task<JsonNode?> AskAsync(string what, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var reply = await _client.CallAsync(
                $"com.macula.diagnostics.{what}", "{}"u8.ToArray(), CallId.FromCounter(++_lastCall), deadline.Token)
                .ConfigureAwait(false);
            return reply.IsSuccess ? JsonNode.Parse(reply.Result.Span)![what] : null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"the node did not answer com.macula.diagnostics.{what} within {Patience}");
        }
        finally
        {
            _turn.Release();
        }
    }
}
