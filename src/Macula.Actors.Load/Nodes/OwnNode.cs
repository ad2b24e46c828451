using System.Diagnostics.Tracing;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Macula.Actors.Load.Wire;
using Macula.Actors.Transport;
using Microsoft.Diagnostics.NETCore.Client;

namespace Macula.Actors.Load.Nodes;

/// <summary>A node that the tool starts: a process of its own, on a free port of loopback. Disposing ends it.</summary>
internal sealed partial class OwnNode : IAsyncDisposable
{
    private const long CollectKeyword = 0x80_0000; // GCHeapCollectKeyword of the runtime's events

    private static readonly TimeSpan StartTime = TimeSpan.FromMinutes(1); // on a busy machine

    private readonly DirectoryInfo _directory;
    private readonly ChildProcess _process;
    private readonly Lock _gate = new();
    private long _errors;
    private string? _firstError;

    private OwnNode(string program, IEnumerable<string> arguments, DirectoryInfo directory)
    {
        _directory = directory;
        _process = ChildProcess.Start(program, arguments, OnLine);
    }

    public int Pid => _process.Id;

    public LoadTarget Target { get; private set; } = null!;

    public bool HasExited => _process.HasExited;

    /// <summary>Of a node that has exited.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Completes, never faults, when it has exited.</summary>
    public Task Exited => _process.Exited;

    /// <summary>The end of its log.</summary>
    public string Said => _process.Said;

    /// <summary>Lines of its log that say that a human must look: how many there were, and the first of them.</summary>
    public (long Count, string? First) Errors
    {
        get
        {
            lock (_gate) return (_errors, _firstError);
        }
    }

    /// <exception cref="LoadException">It cannot be started; the message has the end of its log.</exception>
    public static async Task<OwnNode> StartAsync(
        string dll, string quic, IEnumerable<string> settings, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("macula-load-");
        var ready = Path.Combine(directory.FullName, "ready.json");
        string[] own =
        [
            "macula.quic.listen=127.0.0.1:0", $"macula.quic.provider={quic}", "macula.cluster.port=0",
            $"macula.data-directory={directory.FullName}",
        ];
        string[] all = [dll, "--ready-file", ready, "--log-level", "Warning"];
        OwnNode? node = null;
        try
        {
            node = new OwnNode(
                ChildProcess.DotNet, [.. all, .. own.Concat(settings).SelectMany(each => (string[])["-D", each])], directory);
            await node._process.ReadyAsync(
                _ => ValueTask.FromResult(File.Exists(ready)), "the node", "listen", StartTime, cancellationToken)
                .ConfigureAwait(false);
            node.ReadReadyFile(await File.ReadAllBytesAsync(ready, cancellationToken).ConfigureAwait(false));
            return node;
        }
        catch
        {
            if (node is null) directory.Delete(recursive: true);
            else await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Whether a line of the log says that a human must look.</summary>
    internal static bool IsError(string line) => ErrorLine().IsMatch(line);

    /// <summary>Has the node collect all its garbage, as a profiler does, so that what it tells to be live is so of this moment.
    /// False when its runtime does not let it be asked.</summary>
    public async Task<bool> CollectAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var session = await new DiagnosticsClient(Pid).StartEventPipeSessionAsync(
                [new EventPipeProvider("Microsoft-Windows-DotNETRuntime", EventLevel.Informational, CollectKeyword)],
                requestRundown: false, circularBufferMB: 1, cancellationToken).ConfigureAwait(false);
            var told = session.EventStream.CopyToAsync(Stream.Null, cancellationToken);
            await session.StopAsync(cancellationToken).ConfigureAwait(false);
            await told.ConfigureAwait(false);
            return true;
        }
        catch (Exception error) when (error is DiagnosticsClientException or IOException or TimeoutException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync().ConfigureAwait(false);
        _directory.Delete(recursive: true);
    }

    private void ReadReadyFile(byte[] json)
    {
        using var told = JsonDocument.Parse(json);
        Target = new LoadTarget(
            IPEndPoint.Parse(told.RootElement.GetProperty("listening")[0].GetString()!),
            told.RootElement.GetProperty("realm").GetString()!,
            QuicTrust.Pinned(told.RootElement.GetProperty("fingerprint").GetString()!));
    }

    private void OnLine(string line)
    {
        if (!IsError(line)) return;
        lock (_gate)
        {
            _errors++;
            _firstError ??= line;
        }
    }

    [GeneratedRegex(@"^\d\d:\d\d:\d\d\.\d{3} (ERR|FTL) |^Unhandled exception")]
    private static partial Regex ErrorLine();
}
