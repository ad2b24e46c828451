using System.CommandLine;
using Macula.Actors.Client;

namespace Macula.Actors.Cli.Commands;

/// <summary><c>macula pub</c>: publishes.</summary>
internal static class PubCommand
{
    private static readonly Argument<string> Topic = new("topic") { Description = "Segments separated by dots." };

    private static readonly Argument<string> Payload = new("payload")
    { Description = "Text, or - for standard input as it is." };

    private static readonly Option<int?> Qos = new("--qos")
    {
        Description = "0: sent once. 1 and 2: until the gateway has it. Default 0.",
        HelpName = "0|1|2",
        CustomParser = WholeNumbers.Parser("--qos", 0, 2),
    };

    private static readonly Option<bool> Retain = new("--retain")
    { Description = "Keeps it for those who subscribe later, until the next one. An empty payload clears it." };

    private static readonly Option<int?> Count = new("--count", "-n")
    {
        Description = "Publish it so many times. Default 1.",
        HelpName = "n",
        CustomParser = WholeNumbers.Parser("--count", 1),
    };

    private static readonly Option<TimeSpan?> Interval = new("--interval", "-i")
    {
        Description = "Time between two of --count, such as 500ms. Default 1s.",
        HelpName = "time",
        CustomParser = Durations.Parser("--interval"),
    };

    private const string More =
        """
        Examples:
          macula pub home.kitchen.temp 21.5
          macula pub home.door.state open --retain
          macula pub home.door.state "" --retain
          date | macula pub clock - --count 10 --interval 500ms
        """;

    public static ToolCommand Make()
    {
        var command = new Command("pub", "Publishes a message, and waits until the gateway has it.")
        { Topic, Payload, Qos, Retain, Count, Interval };
        command.Validators.Add(result =>
        {
            if (result.GetValue(Topic) is "") result.AddError("The topic is empty; allowed: segments separated by dots.");
        });
        return new ToolCommand(command, More, RunAsync);
    }

    private static async Task<int> RunAsync(CommandRun run, CancellationToken cancellationToken)
    {
        var (topic, count) = (run.Value(Topic), run.Value(Count) ?? 1);
        var payload = await Payloads.ReadAsync(run.Value(Payload), run.Host, cancellationToken);
        await using var client = await run.ConnectAsync(null, cancellationToken);
        var qos = run.Value(Qos) ?? 0;
        var connections = client.Statistics.Connections;
        for (var i = 1; i <= count; i++)
        {
            await client.PublishAsync(topic, payload, qos, run.Value(Retain), cancellationToken);
            if (i < count) await Task.Delay(run.Value(Interval) ?? TimeSpan.FromSeconds(1), run.Host.Time, cancellationToken);
        }

        await client.PingAsync(cancellationToken); // what came before it on this connection has arrived
        if (qos == 0 && client.Statistics.Connections != connections)
            throw new MaculaConnectionException(
                MaculaErrorCodes.ConnectionLost,
                "the connection was lost meanwhile, and with it perhaps messages; --qos 1 sends such again");

        run.Screen.Notice($"published {payload.Length} bytes to {topic}{(count > 1 ? $", {count} times" : "")}");
        if (run.Screen.IsJson)
            run.Screen.Result("", json =>
            {
                json.WriteString("topic", topic);
                json.WriteNumber("bytes", payload.Length);
                json.WriteNumber("published", count);
            });
        return ExitCode.Ok;
    }
}
