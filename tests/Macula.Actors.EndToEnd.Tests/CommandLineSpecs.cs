using System.Text.Json;
using Macula.Actors.EndToEnd.Tests.Harness;

namespace Macula.Actors.EndToEnd.Tests;

/// <summary>What the README promises: node and tool, each command a process of its own.</summary>
[Collection(OneByOne.Name)]
public sealed class CommandLineSpecs(ITestOutputHelper test) : IAsyncLifetime
{
    private const int Failure = 1, Usage = 2, CannotConnect = 3, Refused = 4, Interrupted = 130;

    private NodeProcess _node = null!;

    public async Task InitializeAsync() => _node = await NodeProcess.StartAsync(test);

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task A_message_goes_from_pub_to_sub()
    {
        await using var sub = Macula("sub", "home.*.temp");
        await sub.ReadNoticeAsync("subscribed");
        await RunAsync(0, "pub", "home.garden.light", "7");
        await RunAsync(0, "pub", "home.kitchen.temp", "21.5");

        Assert.Equal("home.kitchen.temp 21.5", await sub.ReadLineAsync());
        Assert.Equal(Interrupted, await sub.StopAsync(Signal.Interrupt));

        // For scripts: nothing but JSON, so publish until the subscriber has what it wants.
        await using var scripted = Macula("sub", "home.**", "--json", "--count", "2");
        await using var pub = Macula("pub", "home.kitchen.temp", "22", "--qos", "1", "--count", "1000", "-i", "20ms");
        foreach (var line in await scripted.ReadToEndAsync())
        {
            using var message = JsonDocument.Parse(line);
            Assert.Equal("home.kitchen.temp", message.RootElement.GetProperty("topic").GetString());
        }

        Assert.Equal(0, await scripted.ExitAsync());
        Assert.Equal(Interrupted, await pub.StopAsync(Signal.Interrupt));
    }

    [Fact]
    public async Task Sub_ends_when_its_reader_has_had_enough()
    {
        await using var sub = Start(
            "sub | head", "sh",
            ["-c", $"{{ dotnet '{Repository.Tool}' sub home.a home.b; echo ended $? >&2; }} | head -n 1"]);
        await sub.ReadNoticeAsync("subscribed");
        await using var pub = Macula("pub", "home.a", "1", "--count", "1000", "-i", "20ms");

        Assert.Equal("home.a 1", await sub.ReadLineAsync());
        Assert.Equal("ended 0", await sub.ReadNoticeAsync("ended"));
        Assert.Equal(0, await sub.ExitAsync());
        Assert.Equal(Interrupted, await pub.StopAsync(Signal.Interrupt));
    }

    [Fact]
    public async Task Serve_ends_by_itself_after_a_signal_while_a_program_runs()
    {
        // The program itself ends its server: so it runs when the signal comes.
        await using var serve = Macula("serve", "demo.slow", "--exec", "sh", "--", "-c", "kill -TERM $PPID; sleep 600");
        await serve.ReadNoticeAsync("serving");
        await using var call = Macula("call", "demo.slow", "--timeout", "60s");

        Assert.Equal(Interrupted, await serve.ExitAsync());
        Assert.Equal(Failure, await call.ExitAsync());
        Assert.Contains(call.Errors, line => line.Contains("provider_gone", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_program_serves_a_procedure_that_others_call()
    {
        var add = Path.Combine(Repository.Root, "docs", "examples", "add.sh");
        await using var serve = Macula("serve", "demo.add", "--exec", add);
        await using var failing = Macula("serve", "demo.fail", "--exec", "false");
        await serve.ReadNoticeAsync("serving demo.add");
        await failing.ReadNoticeAsync("serving demo.fail");

        Assert.Equal(["""{"sum":3}"""], await RunAsync(0, "call", "demo.add", """{"a":1,"b":2}"""));
        var line = await RunAsync(0, "call", "demo.add", """{"a":20,"b":22}""", "--json");
        using var answer = JsonDocument.Parse(Assert.Single(line));
        Assert.Equal(42, answer.RootElement.GetProperty("result").GetProperty("sum").GetInt32());
        await RunAsync(Failure, "call", "demo.add", """{"a":1}""");
        await RunAsync(Failure, "call", "demo.fail");
        await RunAsync(Failure, "call", "demo.nobody", "1");

        Assert.Equal(Interrupted, await serve.StopAsync(Signal.Interrupt));
        await RunAsync(Failure, "call", "demo.add", """{"a":1,"b":2}"""); // its provider has withdrawn it
    }

    [Fact]
    public async Task Ping_and_what_goes_wrong_have_exit_codes_of_their_own()
    {
        Assert.Equal(2, (await RunAsync(0, "ping", "--count", "2", "--interval", "1ms")).Count);
        await RunAsync(0, "ping", "--count", "1", "--fingerprint", _node.Address.Fingerprint);
        await RunAsync(CannotConnect, "ping", "--count", "1", "--fingerprint", new string('0', 64));
        await RunAsync(Refused, "ping", "--realm", "com.example.other");
        await RunAsync(Usage, "ping", "--count", "none");
        await RunAsync(Usage, "sing");

        await _node.StopAsync(Signal.Terminate);
        await RunAsync(CannotConnect, "pub", "home.kitchen.temp", "1", "--connect-timeout", "500ms");
    }

    // Runs the tool to its end.
    private async Task<IReadOnlyList<string>> RunAsync(int code, params string[] arguments)
    {
        await using var process = Macula(arguments);
        Assert.Equal((arguments[0], code), (arguments[0], await process.ExitAsync()));
        return await process.ReadToEndAsync();
    }

    // The tool finds node and certificate as it does beside a node of one's own: in the environment.
    private ChildProcess Macula(params string[] arguments) =>
        Start($"macula {string.Join(' ', arguments)}", "dotnet", [Repository.Tool, .. arguments]);

    private ChildProcess Start(string name, string program, string[] arguments) => new(
        test, name, program, arguments,
        new Dictionary<string, string>
        {
            ["MACULA_SERVER"] = _node.Address.EndPoint,
            ["MACULA_DATA_DIR"] = _node.DataDirectory,
        });
}
