using System.Text.Json;
using System.Text.RegularExpressions;
using Macula.Actors.EndToEnd.Worker;

namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>A node as its operator starts it: on a free port of loopback, with a data directory.</summary>
internal sealed partial class NodeProcess : ChildProcess
{
    private readonly TempFolder? _own;

    private NodeProcess(ITestOutputHelper test, TempFolder folder, TempFolder? own, IEnumerable<string> arguments)
        : base(test, "node", "dotnet", [Repository.Node, .. arguments]) =>
        (_own, DataDirectory) = (own, DataDirectoryIn(folder));

    /// <summary>What clients need.</summary>
    public NodeAddress Address { get; private set; } = null!;

    public string NodeId { get; private set; } = "";

    public string DataDirectory { get; }

    public int Port => int.Parse(Address.EndPoint.Split(':')[1]);

    /// <summary>What the log says that a human must look at.</summary>
    public IEnumerable<string> ErrorLines => Errors.Where(line => ErrorLine().IsMatch(line));

    /// <summary>Starts a node that owns its data directory, and waits until it listens.</summary>
    /// <param name="test">Told of the node's output.</param>
    /// <param name="settings">More settings, <c>key=value</c>.</param>
    public static async Task<NodeProcess> StartAsync(ITestOutputHelper test, params IEnumerable<string> settings)
    {
        var folder = new TempFolder();
        return await StartAsync(test, folder, folder, port: 0, settings);
    }

    /// <summary>Starts a node in a folder that outlives it.</summary>
    /// <param name="test">Told of the node's output.</param>
    /// <param name="folder">For its data directory.</param>
    /// <param name="port">0: a free one.</param>
    public static Task<NodeProcess> StartAsync(ITestOutputHelper test, TempFolder folder, int port) =>
        StartAsync(test, folder, own: null, port, []);

    private static async Task<NodeProcess> StartAsync(
        ITestOutputHelper test, TempFolder folder, TempFolder? own, int port, IEnumerable<string> settings)
    {
        var ready = Path.Combine(folder.Path, $"ready-{Guid.NewGuid():N}.json");
        IEnumerable<string> all =
        [
            $"macula.quic.listen=127.0.0.1:{port}", "macula.cluster.port=0", "macula.quic.provider=ngtcp2",
            $"macula.data-directory={DataDirectoryIn(folder)}", .. settings,
        ];
        var node = new NodeProcess(
            test, folder, own, ["--ready-file", ready, .. all.SelectMany(each => (string[])["-D", each])]);
        try
        {
            await node.ReadLineAsync(); // the banner follows the ready file
            node.ReadReadyFile(await File.ReadAllTextAsync(ready));
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _own?.Dispose();
    }

    /// <summary>Still the same process, and nothing in its log is an error.</summary>
    public void AssertUntroubled()
    {
        Assert.False(HasExited, $"the node has ended. It said:\n{Said()}");
        Assert.Empty(ErrorLines);
    }

    private static string DataDirectoryIn(TempFolder folder) => Path.Combine(folder.Path, "data");

    private void ReadReadyFile(string json)
    {
        using var said = JsonDocument.Parse(json);
        var info = said.RootElement;
        Address = new NodeAddress(
            info.GetProperty("listening")[0].GetString()!, info.GetProperty("fingerprint").GetString()!,
            info.GetProperty("realm").GetString()!);
        NodeId = info.GetProperty("node_id").GetString()!;
        Assert.Equal(Id, info.GetProperty("pid").GetInt32());
    }

    [GeneratedRegex(@"^\d\d:\d\d:\d\d\.\d{3} (ERR|FTL) |^Unhandled exception")]
    private static partial Regex ErrorLine();
}
