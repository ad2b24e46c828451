using System.CommandLine;
using System.Text;
using System.Text.Json;

namespace Macula.Actors.Cli.Commands;

/// <summary><c>macula call</c>: calls a procedure and prints its result.</summary>
internal static class CallCommand
{
    private static readonly Argument<string> Procedure = new("procedure") { Description = "The name of the procedure." };

    private static readonly Argument<string?> Args = new("args")
    {
        Description = "JSON, or - for standard input. Default: null.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> Raw = new("--raw") { Description = "The arguments need not be JSON." };

    private static readonly Option<TimeSpan?> Timeout = new("--timeout", "-t")
    {
        Description = "How long to wait for the result, such as 500ms. Default 5s.",
        HelpName = "time",
        CustomParser = Durations.Parser("--timeout"),
    };

    private const string More =
        """
        An error that the procedure returns goes to standard error, with exit code 1.

        Examples:
          macula call math.add '[1, 2]'
          macula call thermostat.set '{"room": "kitchen", "to": 21}' --timeout 2s
          cat image.png | macula call image.classify - --raw
        """;

    public static ToolCommand Make()
    {
        var command = new Command("call", "Calls a procedure, wherever it is served, and prints its result.")
        { Procedure, Args, Raw, Timeout };
        return new ToolCommand(command, More, RunAsync);
    }

    private static async Task<int> RunAsync(CommandRun run, CancellationToken cancellationToken)
    {
        var procedure = run.Value(Procedure);
        if (procedure.Length == 0) throw new UsageException("the procedure's name is empty");
        var args = await Payloads.ReadAsync(run.Value(Args) ?? "null", run.Host, cancellationToken);
        if (!run.Value(Raw) && JsonFault(args) is { } fault)
            throw new UsageException(
                $"the arguments '{Shortened(args)}' are not JSON: {fault} Quote a text as '\"text\"', or use --raw");

        await using var client = await run.ConnectAsync(null, cancellationToken);
        var start = run.Host.Time.GetTimestamp();
        var result = await run.Screen.WaitingAsync(
            $"calling {procedure}",
            () => client.CallAsync(procedure, args, run.Value(Timeout), cancellationToken));
        var took = run.Host.Time.GetElapsedTime(start);

        run.Screen.Result(run.Screen.Payload(result.Span).TrimEnd('\n'), json =>
        {
            json.WriteString("procedure", procedure);
            if (JsonFault(result) is null)
            {
                json.WritePropertyName("result");
                json.WriteRawValue(Compact(result));
            }
            else
            {
                Screen.WritePayload(json, "result_text", result.Span);
            }

            json.WriteNumber("duration_ms", Screen.Milliseconds(took));
        });
        return ExitCode.Ok;
    }

    private static string? JsonFault(ReadOnlyMemory<byte> text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return null;
        }
        catch (JsonException error)
        {
            return error.Message;
        }
    }

    // One object a line, however the provider wrote it.
    private static byte[] Compact(ReadOnlyMemory<byte> text)
    {
        using var document = JsonDocument.Parse(text);
        return JsonSerializer.SerializeToUtf8Bytes(document.RootElement);
    }

    private static string Shortened(byte[] args)
    {
        var text = Encoding.UTF8.GetString(args);
        return text.Length <= 40 ? text : text[..40] + "…";
    }
}
