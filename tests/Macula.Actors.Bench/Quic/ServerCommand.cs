using System.CommandLine;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Bench.Wire;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Quic;

/// <summary>The server of the transport benchmarks, a process of its own until its standard input ends. It says where it
/// listens; the line <c>settle</c> has it give all memory back that it can, and is answered <c>settled</c>.</summary>
internal static class ServerCommand
{
    private const string Name = "transport-server";

    /// <summary>Runs it in a process of its own, in the network namespace of the caller's thread.</summary>
    public static MeasuredServer Start(string kind, Windows windows, int loops = 1) =>
        MeasuredServer.Start(Name, kind, $"{windows.Stream}", $"{windows.Connection}", $"{loops}");

    public static Command Create()
    {
        var kind = new Argument<string>("transport");
        kind.AcceptOnlyFromAmong("ngtcp2", "tls");
        var stream = new Argument<int>("stream-window");
        var connection = new Argument<int>("connection-window");
        var loops = new Argument<int>("loops");
        var command = new Command(Name, "The other side of the quic scenarios.") { kind, stream, connection, loops };
        command.Hidden = true;
        command.SetAction((parsed, _) => RunAsync(
            parsed.GetValue(kind)!, new Windows(parsed.GetValue(stream), parsed.GetValue(connection)),
            parsed.GetValue(loops)));
        return command;
    }

    private static async Task<int> RunAsync(string kind, Windows windows, int loops)
    {
        using var certificate = Certificates.Create();
        await using var server = await StartAsync(kind, certificate, windows, loops);
        ServerProcess.Announce(server.EndPoint, QuicTrust.Fingerprint(certificate));
        while (await Console.In.ReadLineAsync() is { } line)
        {
            if (line != "settle") throw new InvalidOperationException($"'{line}' is no order; there is only settle");
            SettledMemory.Settle();
            Console.WriteLine("settled");
        }

        return 0;
    }

    private static async Task<IServer> StartAsync(
        string kind, X509Certificate2 certificate, Windows windows, int loops) =>
        kind == "tls" ? new TlsServer(certificate) : await QuicServer.StartAsync(certificate, windows, loops);
}

/// <summary>A server under measurement.</summary>
internal interface IServer : IAsyncDisposable
{
    IPEndPoint EndPoint { get; }
}
