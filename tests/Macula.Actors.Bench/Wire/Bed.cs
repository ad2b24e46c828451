using System.Diagnostics;
using System.Net;
using System.Reflection;
using System.Text.Json;
using Macula.Actors.Client;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Memory;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Bench.Wire;

/// <summary>The node, the plain server, and how to connect to either.</summary>
internal sealed class Bed : IAsyncDisposable
{
    private readonly IQuicProvider _provider;
    private readonly WireOptions _options;
    private readonly IPEndPoint _plain;
    private readonly string _plainFingerprint;
    private readonly IAsyncDisposable _plainServer;

    private Bed(
        IQuicProvider provider, WireOptions options, INode node, INode? plainProcess, IPEndPoint plain,
        string plainFingerprint, IAsyncDisposable plainServer)
    {
        (_provider, _options, Node, PlainProcess) = (provider, options, node, plainProcess);
        (_plain, _plainFingerprint, _plainServer) = (plain, plainFingerprint, plainServer);
    }

    public INode Node { get; }

    /// <summary>Whose time the plain scenarios take; null in this process.</summary>
    public INode? PlainProcess { get; }

    public static async Task<Bed> StartAsync(WireOptions options)
    {
        if (options.Provider == "memory" || options.InProcess)
        {
            IQuicProvider provider = options.Provider == "memory"
                ? new MemoryQuicProvider(new MemoryQuicNetwork())
                : new Ngtcp2Provider();
            var server = await PlainServer.StartAsync(provider, options.Size);
            var local = await LocalNode.StartAsync(provider);
            return new Bed(provider, options, local, null, server.EndPoint, server.Fingerprint, server);
        }

        var plain = await PlainProcessNode.StartAsync(options.Size);
        var node = await NodeProcess.StartAsync(options.Provider);
        return new Bed(new Ngtcp2Provider(), options, node, plain, plain.EndPoint, plain.Fingerprint, plain);
    }

    public Task<MaculaClient> ConnectAsync() => MaculaClient.ConnectAsync(new MaculaClientOptions
    {
        Provider = _provider,
        Server = Node.EndPoint.ToString(),
        Trust = Node.Trust,
        Realm = Node.Realm,
        ConnectTimeout = TimeSpan.FromSeconds(15),
        CallTimeout = TimeSpan.FromSeconds(15),
    });

    public Task<PlainPeer> ConnectPlainAsync(char purpose) =>
        PlainPeer.ConnectAsync(_provider, _plain, _plainFingerprint, purpose, _options.Size);

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        await _plainServer.DisposeAsync();
    }

    /// <summary>A <see cref="PlainServer"/> in a process of its own.</summary>
    private sealed class PlainProcessNode : INode
    {
        private readonly Process _process;

        private PlainProcessNode(Process process, JsonElement ready)
        {
            _process = process;
            EndPoint = IPEndPoint.Parse(ready.GetProperty("endPoint").GetString()!);
            Fingerprint = ready.GetProperty("fingerprint").GetString()!;
        }

        public IPEndPoint EndPoint { get; }

        public string Fingerprint { get; }

        public string Realm => "";

        public QuicTrust Trust => QuicTrust.Pinned(Fingerprint);

        public static async Task<PlainProcessNode> StartAsync(int size)
        {
            var process = Process.Start(new ProcessStartInfo("dotnet")
            {
                ArgumentList = { Assembly.GetExecutingAssembly().Location, "plain-server", $"{size}" },
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
            var line = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20));
            return new PlainProcessNode(
                process,
                JsonSerializer.Deserialize<JsonElement>(
                    line ?? throw new InvalidOperationException("the plain server ended")));
        }

        public Usage? Usage() => Wire.Usage.Of(_process);

        public async ValueTask DisposeAsync()
        {
            _process.StandardInput.Close(); // its sign to end
            await _process.WaitForExitAsync();
            _process.Dispose();
        }
    }
}
