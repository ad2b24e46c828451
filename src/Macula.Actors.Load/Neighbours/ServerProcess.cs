using System.Net;
using System.Net.Sockets;
using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A server that somebody else wrote, as a process on a free port of loopback. Disposing kills it.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(20);

    private readonly ChildProcess _process;

    private ServerProcess(ChildProcess process, IPEndPoint endPoint) => (_process, EndPoint) = (process, endPoint);

    public int Pid => _process.Id;

    public IPEndPoint EndPoint { get; }

    /// <summary>The end of what it logged.</summary>
    public string Said => _process.Said;

    /// <summary>Where a program is; null when it is not installed. Servers lie where only administrators look.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Concat(["/usr/sbin", "/usr/local/sbin"])
            .Where(folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    /// <summary>Starts it and waits until it takes connections.</summary>
    /// <param name="arguments">Get the port.</param>
    /// <exception cref="LoadException">It does not; the message has the end of what it said.</exception>
    public static async Task<ServerProcess> StartAsync(
        string program, Func<int, IEnumerable<string>> arguments, CancellationToken cancellationToken)
    {
        var endPoint = FreeEndPoint();
        var server = new ServerProcess(ChildProcess.Start(program, arguments(endPoint.Port)), endPoint);
        try
        {
            await server._process.ReadyAsync(
                server.IsListeningAsync, program, $"listen on {endPoint}", StartTime, cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    // mosquitto cannot choose one itself; that somebody takes it meanwhile shows in what the server says.
    private static IPEndPoint FreeEndPoint()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)probe.LocalEndPoint!;
    }

    private async ValueTask<bool> IsListeningAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new Socket(EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(EndPoint, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
