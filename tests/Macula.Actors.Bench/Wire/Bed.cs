using System.Net;
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

        var plain = MeasuredServer.Start(PlainServer.Name, $"{options.Size}");
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
}
