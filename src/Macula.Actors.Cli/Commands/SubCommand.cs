using System.CommandLine;
using Macula.Actors.Client;
using Macula.Actors.Protocol;

namespace Macula.Actors.Cli.Commands;

/// <summary><c>macula sub</c>: prints what is published.</summary>
internal static class SubCommand
{
    private static readonly Argument<string[]> Patterns = new("pattern")
    {
        Description = "Topics: segments separated by dots, * for one segment, ** for any number.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<int?> Count = new("--count", "-n")
    {
        Description = "End after so many messages. Default: never.",
        HelpName = "n",
        CustomParser = WholeNumbers.Parser("--count", 1),
    };

    private const string More =
        """
        A payload that is no UTF-8 text is printed in base64 and so marked. After a lost connection the tool connects
        again by itself and goes on, without what was published meanwhile.

        Examples:
          macula sub 'home.*.temp'
          macula sub 'home.**' alarms --json
          macula sub home.door --count 1
        """;

    public static ToolCommand Make()
    {
        var command = new Command("sub", "Subscribes and prints each message, its topic first, until Ctrl-C.")
        { Patterns, Count };
        command.Validators.Add(result =>
        {
            if (result.GetValue(Patterns)?.Contains("") == true)
                result.AddError("A pattern is empty; allowed: segments separated by dots, * and **.");
        });
        return new ToolCommand(command, More, RunAsync);
    }

    private static async Task<int> RunAsync(CommandRun run, CancellationToken cancellationToken)
    {
        var patterns = run.Value(Patterns).Distinct().ToArray();
        await using var client = await run.ConnectAsync(null, cancellationToken);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var subscriptions = new List<MaculaSubscription>();
        foreach (var pattern in patterns)
            subscriptions.Add(await client.SubscribeAsync(pattern, cancellationToken));
        run.Screen.Notice($"subscribed to {string.Join(", ", patterns)} at {run.Target.Options.Server}; Ctrl-C ends");

        var left = run.Value(Count) ?? int.MaxValue;
        try
        {
            await Task.WhenAll(subscriptions.Select((subscription, index) => PrintAsync(subscription, index)));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Ok; // the last of --count has been printed
        }
        finally
        {
            var dropped = subscriptions.Sum(subscription => subscription.Dropped);
            if (dropped > 0) run.Screen.Notice($"{dropped} messages came faster than they could be printed, and were dropped");
        }

        return ExitCode.Ok;

        async Task PrintAsync(MaculaSubscription subscription, int index)
        {
            try
            {
                await foreach (var message in subscription.WithCancellation(done.Token))
                {
                    // A message that several patterns mean is printed by the first of them.
                    var topic = Utf8Text.FromString(message.Topic);
                    if (patterns.Take(index).Any(earlier => TopicPattern.Matches(earlier, topic))) continue;

                    var number = Interlocked.Decrement(ref left);
                    if (number >= 0) Print(run, message);
                    if (number <= 0) return;
                }
            }
            finally
            {
                await done.CancelAsync(); // one that ends, or cannot print, ends all
            }
        }
    }

    private static void Print(CommandRun run, MaculaMessage message) => run.Screen.Labelled(
        message.Topic, run.Screen.Payload(message.Payload.Span), json =>
        {
            json.WriteString("topic", message.Topic);
            Screen.WritePayload(json, "payload", message.Payload.Span);
            json.WriteNumber("qos", message.Qos);
            json.WriteBoolean("retain", message.Retain);
            json.WriteString("message_id", message.MessageId.ToString());
            json.WriteString("received_at", run.Host.Time.GetUtcNow());
        });
}
