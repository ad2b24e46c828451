using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Spectre.Console;

namespace Macula.Actors.Cli;

/// <summary>Where a command writes: results to standard output, everything else to standard error.
/// </summary>
/// <remarks>With <c>--json</c> every line is one JSON object. Colours and moving things only where
/// a person looks on. Safe for concurrent use, line by line.</remarks>
internal sealed class Screen
{
    private static readonly JsonWriterOptions JsonStyle = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly char[] Blanks = [' ', '\n', '\r', '\t'];

    private readonly Lock _gate = new();
    private readonly CliHost _host;
    private readonly bool _hasColour;
    private readonly IAnsiConsole _output;
    private readonly IAnsiConsole _error;

    public Screen(CliHost host, bool isJson, bool isQuiet)
    {
        (_host, IsJson, IsQuiet) = (host, isJson, isQuiet);
        _hasColour = host.Variable("NO_COLOR") is null && host.Variable("TERM") != "dumb";
        _output = Make(host.Output, host.OutputIsTerminal);
        _error = Make(host.Error, host.ErrorIsTerminal);
    }

    public bool IsJson { get; }

    public bool IsQuiet { get; }

    /// <summary>A result: <paramref name="text"/> for people, <paramref name="json"/> for programs.
    /// </summary>
    public void Result(string text, Action<Utf8JsonWriter> json)
    {
        lock (_gate)
        {
            _host.Output.WriteLine(IsJson ? Json(json) : text);
            _host.Output.Flush();
        }
    }

    /// <summary>A result with a label in front, which is coloured for people.</summary>
    public void Labelled(string label, string text, Action<Utf8JsonWriter> json)
    {
        if (IsJson || !_host.OutputIsTerminal)
        {
            Result($"{label} {text}", json);
            return;
        }

        lock (_gate)
        {
            _output.Markup($"[cyan]{Markup.Escape(label)}[/] ");
            _host.Output.WriteLine(text);
            _host.Output.Flush();
        }
    }

    /// <summary>What goes on, for people only.</summary>
    public void Notice(string text)
    {
        if (IsQuiet || IsJson) return;
        lock (_gate) _error.MarkupLine($"[grey]{Markup.Escape(text)}[/]");
    }

    /// <summary>What goes on, in the place of what was told so before; null takes it away. Cut where the terminal ends: of
    /// what goes on in the next line, nothing could be taken away. Plain lines where nobody looks on.</summary>
    public void Moving(string? text)
    {
        if (IsQuiet || IsJson) return;
        if (!_host.ErrorIsTerminal || !_hasColour)
        {
            if (text is not null) Notice(text);
            return;
        }

        if (text is not null && _host.ErrorWidth() is > 1 and var width && text.Length >= width) text = text[..(width - 1)];
        lock (_gate) _host.Error.Write($"\r{text}\x1b[K"); // and clears the rest of the line
    }

    /// <summary>One line on standard error: what is wrong and what to do.</summary>
    public void Failure(string code, string text, int exitCode)
    {
        lock (_gate)
        {
            if (!IsJson)
            {
                _error.MarkupLine($"[red]macula:[/] {Markup.Escape(Printable(text, oneLine: true))}");
                return;
            }

            _host.Error.WriteLine(Json(json =>
            {
                json.WriteString("error", code);
                json.WriteString("message", text);
                json.WriteNumber("exit_code", exitCode);
            }));
        }
    }

    /// <summary>Runs something that may take a moment, with a spinner where a person looks on.
    /// </summary>
    public Task<T> WaitingAsync<T>(string text, Func<Task<T>> run) =>
        IsQuiet || IsJson || !_host.ErrorIsTerminal || !_hasColour
            ? run()
            : _error.Status().Spinner(Spinner.Known.Dots).StartAsync(Markup.Escape(text), _ => run());

    /// <summary>A payload for people: text as it is, anything else in base64 and so marked.</summary>
    public string Payload(ReadOnlySpan<byte> payload) => Utf8.IsValid(payload)
        ? Printable(Encoding.UTF8.GetString(payload), oneLine: false)
        : $"(base64, {payload.Length} bytes) {Convert.ToBase64String(payload)}";

    /// <summary>The same for programs: <c>payload</c>, or <c>payload_base64</c>.</summary>
    public static void WritePayload(Utf8JsonWriter json, string name, ReadOnlySpan<byte> payload)
    {
        if (Utf8.IsValid(payload)) json.WriteString(name, payload);
        else json.WriteBase64String($"{name}_base64", payload);
    }

    public static double Milliseconds(TimeSpan time) => Math.Round(time.TotalMilliseconds, 3);

    public static string Milliseconds(TimeSpan time, string unit) =>
        string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.###}{unit}");

    // Others decide what is in a payload: on a terminal it must not move the cursor or worse.
    private string Printable(string text, bool oneLine)
    {
        if (!_host.OutputIsTerminal && !oneLine) return text;
        if (oneLine) text = string.Join(' ', text.Split(Blanks, StringSplitOptions.RemoveEmptyEntries));
        if (!text.Any(IsUnsafe)) return text;

        var safe = new StringBuilder();
        foreach (var letter in text)
            safe.Append(IsUnsafe(letter) ? $"\\x{(int)letter:x2}" : letter);
        return safe.ToString();

        bool IsUnsafe(char letter) => char.IsControl(letter) && (oneLine || letter is not ('\n' or '\t'));
    }

    private static string Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonStyle))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private IAnsiConsole Make(TextWriter writer, bool isTerminal)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal && _hasColour ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = isTerminal && _hasColour ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Yes : InteractionSupport.No,
        });
        console.Profile.Width = 10_000; // terminals wrap by themselves, and files should not
        return console;
    }
}
