using System.Text.Json;
using System.Text.Json.Nodes;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Nodes;

/// <summary>The client that asks the node for its figures. It takes one of its places.</summary>
internal sealed class NodeProbe : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly SemaphoreSlim _turn = new(1);
    private readonly LoadClient _client;
    private readonly int? _pid;
    private UInt128 _lastCall;

    private NodeProbe(LoadClient client, int? pid) => (_client, _pid) = (client, pid);

    /// <summary>The certificate of the node, for workers.</summary>
    public string Fingerprint => _client.Fingerprint;

    public bool IsConnected => _client.IsConnected;

    /// <param name="pid">The node's process, if it is on this machine.</param>
    public static async Task<NodeProbe> ConnectAsync(Dial dial, NodeId id, int? pid, CancellationToken cancellationToken) =>
        new(await LoadClient.ConnectAsync(dial, id, cancellationToken).ConfigureAwait(false), pid);

    /// <exception cref="QuicTransportException">The node is gone.</exception>
    /// <exception cref="TimeoutException">It did not answer within 10 s.</exception>
    public async Task<NodeSample> ReadAsync(TimeSpan at, CancellationToken cancellationToken)
    {
        // The kernel's first: what the questions cost is not the load's.
        var kernel = _pid is { } pid ? KernelFigures.Read(pid) : null;
        var tables = await AskAsync("tables", cancellationToken).ConfigureAwait(false)
            ?? throw new InvalidDataException("the node does not answer com.macula.diagnostics.tables");
        var memory = await AskAsync("memory", cancellationToken).ConfigureAwait(false);
        return new NodeSample(
            at, tables.AsObject().ToDictionary(each => each.Key, each => each.Value.Deserialize<TableFigures>(Json)!),
            memory.Deserialize<MemoryFigures>(Json), kernel);
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
