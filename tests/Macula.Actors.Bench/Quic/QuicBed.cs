using Macula.Actors.Bench.Wire;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Bench.Quic;

/// <summary>The servers, each started when first needed, so that later scenarios find their code compiled.</summary>
/// <param name="loops">Of our server's listener.</param>
/// <param name="ports">Of our clients.</param>
internal sealed class QuicBed(int loops, int ports) : IAsyncDisposable
{
    private readonly Dictionary<(string Kind, Windows Windows), MeasuredServer> _servers = [];

    /// <summary>With our provider on both sides.</summary>
    public Task<IReadOnlyList<Figure>> OursAsync(
        Func<MeasuredServer, IDialer, Task<IReadOnlyList<Figure>>> load, Windows? windows = null)
    {
        var server = Server("ngtcp2", windows ?? Windows.Default);
        return load(server, Dialer(server, windows ?? Windows.Default, ports));
    }

    /// <summary>With SslStream over TCP on both sides.</summary>
    public Task<IReadOnlyList<Figure>> TlsAsync(Func<MeasuredServer, IDialer, Task<IReadOnlyList<Figure>>> load)
    {
        var server = Server("tls", Windows.Default);
        return load(server, new TlsDialer(server.EndPoint, server.Fingerprint));
    }

    public static IDialer Dialer(MeasuredServer server, Windows windows, int ports = 1) => new QuicDialer(
        [.. Enumerable.Range(0, ports).Select(_ => new Ngtcp2Provider())], server.EndPoint, server.Fingerprint, windows);

    /// <summary>Ends the servers: the next scenario starts new ones.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values) await server.DisposeAsync();
        _servers.Clear();
    }

    private MeasuredServer Server(string kind, Windows windows)
    {
        if (!_servers.TryGetValue((kind, windows), out var server))
            _servers[(kind, windows)] = server = ServerCommand.Start(kind, windows, loops);
        return server;
    }
}
