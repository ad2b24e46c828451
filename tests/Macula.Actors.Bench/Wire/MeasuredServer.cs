using System.Net;
using System.Reflection;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Wire;

/// <summary>A server of this program, in a process of its own.</summary>
internal sealed class MeasuredServer : INode
{
    private readonly ServerProcess _server;

    private MeasuredServer(ServerProcess server) => _server = server;

    public IPEndPoint EndPoint => _server.EndPoint;

    public string Fingerprint => _server.Fingerprint;

    public string Realm => "";

    public QuicTrust Trust => QuicTrust.Pinned(Fingerprint);

    /// <summary>Started on the caller's thread, so in its network namespace.</summary>
    /// <param name="arguments">The command that serves, and its own.</param>
    public static MeasuredServer Start(params IEnumerable<string> arguments) =>
        new(ServerProcess.Start(Assembly.GetExecutingAssembly().Location, arguments));

    public Usage? Usage() => Wire.Usage.Of(_server.Process);

    /// <summary>The server's resident set once it has given back what it can, bytes.</summary>
    public async Task<long> SettledMemoryAsync()
    {
        var answer = await _server.AskAsync("settle");
        if (answer != "settled") throw new InvalidOperationException($"the server answered '{answer}'");
        return Wire.Usage.Of(_server.Process).Memory;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
