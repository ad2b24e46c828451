using System.CommandLine;
using Macula.Actors.Bench.Wire;

namespace Macula.Actors.Bench.Quic;

/// <summary>Our QUIC beside the library that it stands on and beside TLS over TCP.</summary>
internal static class QuicCommand
{
    public static Command Create()
    {
        var filter = new Argument<string>("scenario")
        {
            Description = "Only scenarios whose name contains this, such as handshakes.",
            DefaultValueFactory = _ => "",
        };
        var json = new Option<bool>("--json") { Description = "One JSON object a line instead of a table." };
        var runs = new Option<int>("--runs")
        { Description = "Runs of each; the medians are told. Default 3.", DefaultValueFactory = _ => 3 };
        var seconds = new Option<double>("--seconds")
        { Description = "How long each is measured, after 2 to warm up. Default 2.", DefaultValueFactory = _ => 2 };
        var loops = new Option<int>("--loops")
        { Description = "Loops of our server, 0 to 64. Default 1.", DefaultValueFactory = _ => 1 };
        var ports = new Option<int>("--ports")
        { Description = "Ports, each with a thread, of our clients. Default 1.", DefaultValueFactory = _ => 1 };
        var loss = new Option<bool>("--loss") { Description = "Instead: ours alone, over paths of 100 ms that lose packets." };
        var command = new Command("quic", "The transport beside the raw library and SslStream.")
        { filter, json, runs, seconds, loops, ports, loss };
        command.SetAction(async (parsed, _) =>
        {
            if (parsed.GetValue(loss)) await LossReport.RunAsync(parsed.GetValue(json));
            else
                await RunAsync(
                    parsed.GetValue(filter)!, parsed.GetValue(json), Math.Max(1, parsed.GetValue(runs)),
                    TimeSpan.FromSeconds(Math.Max(0.1, parsed.GetValue(seconds))),
                    new QuicBed(parsed.GetValue(loops), Math.Max(1, parsed.GetValue(ports))));
        });
        return command;
    }

    private static async Task RunAsync(string filter, bool json, int runs, TimeSpan time, QuicBed bed)
    {
        var options = new WireOptions
        {
            Provider = "ngtcp2",
            InProcess = false,
            Time = time,
            WarmUp = TimeSpan.FromSeconds(2),
            Runs = runs,
            Subscribers = 0,
            Size = 0,
            Filter = filter,
            Json = null,
        };
        if (!json) Console.WriteLine(QuicReport.Header);
        await using var servers = bed;
        foreach (var measurement in Measurements.All(bed, options))
        {
            if (!measurement.Name.Contains(filter, StringComparison.Ordinal)) continue;
            if (measurement.Once) await bed.DisposeAsync(); // its servers begin empty
            var report = new QuicReport(measurement);
            for (var run = 1; run <= (measurement.Once ? 1 : runs); run++)
            {
                Console.Error.WriteLine($"run {run}: {measurement.Name}");
                await report.RunAsync();
            }

            foreach (var line in json ? report.Json() : report.Rows()) Console.WriteLine(line);
        }
    }
}
