using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Fuzz.Churn;

/// <summary>The server of a run, a process of its own until its standard input ends. To a line with a number it
/// answers, once it has so many connections and no stream any more, with its <see cref="Holdings"/>.</summary>
internal static class ChurnServer
{
    public const string Name = "churn-server";

    /// <summary>For what it has to be rid of; then it tells what it has all the same.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static Command Create()
    {
        var leak = new Argument<int>("leak");
        var command = new Command(Name, "The other side of churn.") { leak };
        command.Hidden = true;
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(leak)));
        return command;
    }

    private static async Task<int> RunAsync(int leak)
    {
        using var certificate = Certificates.Create();
        var provider = new Ngtcp2Provider();
        await using var listener = await provider.ListenAsync(new QuicListenOptions
        { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), Certificate = certificate });
        var server = new EchoServer(listener);
        var serving = server.RunAsync();
        ServerProcess.Announce(listener.LocalEndPoint, QuicTrust.Fingerprint(certificate));
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var connections = int.Parse(line, NumberStyles.None, CultureInfo.InvariantCulture);
            await UntilAsync(() => Counters.NativeConnections == connections && Counters.Streams == 0);
            Lose(leak);
            Console.WriteLine(JsonSerializer.Serialize(Holdings.Take(provider)));
        }

        await listener.DisposeAsync();
        await serving;
        server.AbortAll();
        return 0;
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        for (var start = Stopwatch.GetTimestamp(); !isSo() && Stopwatch.GetElapsedTime(start) < Patience;)
            await ticks.WaitForNextTickAsync();
    }

    private static unsafe void Lose(int bytes)
    {
        if (bytes > 0) new Span<byte>(NativeMemory.Alloc((nuint)bytes), bytes).Fill(1);
    }
}
