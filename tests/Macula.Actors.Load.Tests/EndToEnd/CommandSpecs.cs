using System.Diagnostics;
using System.Text.Json;

namespace Macula.Actors.Load.Tests.EndToEnd;

/// <summary><c>macula load</c> as a process, as scripts run it.</summary>
[Collection("load")]
public sealed class CommandSpecs(ITestOutputHelper test) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("macula-load-specs-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task It_tells_verdicts_and_writes_both_reports()
    {
        var (json, html) = (Path.Combine(_folder.FullName, "report.json"), Path.Combine(_folder.FullName, "report.html"));
        var (code, output) = await RunAsync("load", "clients", "--scale", "0.005", "--seed", "9", "--report", json, "--html", html);

        Assert.Equal(0, code);
        Assert.Contains("kept    clients: refused with max_clients_reached: 5", output, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(json));
        Assert.Equal(9, report.RootElement.GetProperty("seed").GetInt64());
        Assert.True(report.RootElement.GetProperty("passed").GetBoolean());
        Assert.Contains("</svg>", await File.ReadAllTextAsync(html), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("load", "clients", "--scale", "0.005", "--json")]
    [InlineData("--json", "load", "clients", "--scale", "0.005")]
    public async Task With_json_every_line_is_an_object(params string[] arguments)
    {
        var (code, output) = await RunAsync(arguments);

        Assert.Equal(0, code);
        JsonElement[] lines =
            [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
        Assert.All(lines, line => Assert.Equal("clients", line.GetProperty("scenario").GetString()));
        var verdict = Assert.Single(lines, line => Is(line, "name", "refused with max_clients_reached"));
        Assert.True(Is(verdict, "outcome", "kept") && Is(verdict, "expected", "5") && Is(verdict, "measured", "5"));
        Assert.True(Assert.Single(lines, line => Is(line, "figure", "connect")).GetProperty("p99_us").GetDouble() > 0);
        var memory = Assert.Single(lines, line => Is(line, "figure", "most resident memory of the node"));
        Assert.True(Is(memory, "unit", "B") && memory.GetProperty("value").GetDouble() > 1e6);

        static bool Is(JsonElement line, string name, string value) =>
            line.TryGetProperty(name, out var found) && found.GetString() == value;
    }

    [Fact]
    public async Task A_broken_promise_is_exit_code_1()
    {
        // Two places fewer than the scenario thinks, for connections are the narrower limit.
        var (code, output) = await RunAsync(
            "load", "clients", "--scale", "0.005", "-D", "macula.gateway.max-connections=48");

        Assert.Equal(1, code);
        Assert.Contains("broken  clients: it did not come to its end", output, StringComparison.Ordinal);
    }

    private async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Tool.Program, .. arguments])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        try
        {
            using var deadline = new CancellationTokenSource(Patience);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            var output = await process.StandardOutput.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            test.WriteLine(output + await errors);
            return (process.ExitCode, output);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}
