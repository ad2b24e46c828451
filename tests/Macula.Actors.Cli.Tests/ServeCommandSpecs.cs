using System.Diagnostics;
using System.Text;
using Macula.Actors.Protocol;
using Macula.Actors.Testing;

namespace Macula.Actors.Cli.Tests;

public sealed class ServeCommandSpecs : IAsyncLifetime
{
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync();

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    public async Task The_programs_output_is_the_result()
    {
        await using var tool = Tool.Start(_gateway, "serve", "echo", "--exec", "cat");
        var session = await ServedAsync();

        await session.SendAsync(Call("echo", 1, "\"hello\""));

        var reply = await session.ExpectAsync<ReplyMessage>();
        Assert.Equal("\"hello\"", Encoding.UTF8.GetString(reply.Result.Span));
        Assert.StartsWith("echo ok", await tool.LineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_program_gets_its_arguments_and_the_name()
    {
        await using var tool = Tool.StartBare(_gateway,
            ["serve", "greet", "--server", _gateway.Address, "--insecure", "--exec", "sh", "--", "-c", "echo $1 $MACULA_PROCEDURE", "-", "--hi"]);
        var session = await ServedAsync();

        await session.SendAsync(Call("greet", 1, ""));

        var reply = await session.ExpectAsync<ReplyMessage>();
        Assert.Equal("--hi greet\n", Encoding.UTF8.GetString(reply.Result.Span));
    }

    [Fact]
    public async Task A_program_that_fails_answers_with_its_first_line_of_error()
    {
        await using var tool = Tool.Start(
            _gateway, "serve", "bad", "--exec", "sh", "--json", "-c", "echo 'no stock' >&2; echo more >&2; exit 3");
        var session = await ServedAsync();

        await session.SendAsync(Call("bad", 1, ""));

        Assert.Equal(("handler_error", "no stock"), Error(await session.ExpectAsync<ReplyMessage>()));
        Assert.Equal("handler_error", (await tool.JsonLineAsync()).GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_program_that_fails_without_a_word_is_known_by_its_exit_code()
    {
        await using var tool = Tool.Start(_gateway, "serve", "bad", "--exec", "false");
        var session = await ServedAsync();

        await session.SendAsync(Call("bad", 1, ""));

        Assert.Equal(
            ("handler_error", "the program ended with exit code 1"), Error(await session.ExpectAsync<ReplyMessage>()));
    }

    [Fact]
    public async Task A_program_that_takes_too_long_is_killed()
    {
        await using var tool = Tool.Start(_gateway, "serve", "slow", "--exec", "sleep", "--exec-timeout", "100ms", "600");
        var session = await ServedAsync();

        await session.SendAsync(Call("slow", 1, ""));

        Assert.Equal("timeout", Error(await session.ExpectAsync<ReplyMessage>()).Code);
    }

    [Fact]
    public async Task A_program_need_not_read_its_input()
    {
        await using var tool = Tool.Start(_gateway, "serve", "deaf", "--exec", "true");
        var session = await ServedAsync();

        await session.SendAsync(Call("deaf", 1, new string('x', 500_000)));

        Assert.True((await session.ExpectAsync<ReplyMessage>()).IsSuccess);
    }

    [Fact]
    public async Task A_program_that_says_too_much_fails()
    {
        await using var tool = Tool.Start(_gateway, "serve", "big", "--exec", "head", "-c", "2000000", "/dev/zero");
        var session = await ServedAsync();

        await session.SendAsync(Call("big", 1, ""));

        var (code, message) = Error(await session.ExpectAsync<ReplyMessage>());
        Assert.Equal("handler_error", code);
        Assert.Contains("more than", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beyond_the_concurrency_calls_are_answered_overloaded()
    {
        await using var tool = Tool.Start(
            _gateway, "serve", "slow", "--exec", "sleep", "--concurrency", "1", "600");
        var session = await ServedAsync();

        await session.SendAsync(Call("slow", 1, ""));
        await session.SendAsync(Call("slow", 2, ""));

        var reply = await session.ExpectAsync<ReplyMessage>();
        Assert.Equal((CallId.FromCounter(2), "overloaded"), (reply.CallId, Error(reply).Code));
    }

    [Fact]
    public async Task Interrupted_it_withdraws_the_offer_and_ends_with_130()
    {
        await using var tool = Tool.Start(_gateway, "serve", "echo", "--exec", "cat");
        var session = await ServedAsync();
        await tool.ErrorLineAsync();

        await tool.InterruptAsync();

        Assert.Equal(ExitCode.Interrupted, await tool.EndAsync());
        var store = await session.ExpectAsync<StoreMessage>();
        Assert.True(ServiceRecord.TryDecode(store.Value, out var record, out _));
        Assert.Equal(0, record.Ttl);
        await session.ExpectAsync<DisconnectMessage>();
    }

    [Fact]
    public async Task Interrupted_while_a_program_runs_it_kills_that_and_says_goodbye_in_time()
    {
        await using var tool = Tool.Start(_gateway, "serve", "slow", "--exec", "sleep", "600");
        var session = await ServedAsync();
        await tool.ErrorLineAsync();
        await session.SendAsync(Call("slow", 1, ""));
        var start = Stopwatch.StartNew();

        await tool.InterruptAsync();

        Assert.Equal(ExitCode.Interrupted, await tool.EndAsync());
        Assert.InRange(start.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4.8));
        Assert.StartsWith("slow provider_gone", await tool.LineAsync(), StringComparison.Ordinal);
        IMessage? last = null;
        while (await session.NextAsync() is { } frame) last = frame;
        Assert.IsType<DisconnectMessage>(last);
    }

    private async Task<FakeSession> ServedAsync()
    {
        var session = await _gateway.AcceptAsync();
        await session.ExpectAsync<StoreMessage>();
        return session;
    }

    private static CallMessage Call(string procedure, int id, string args) =>
        new(procedure, Encoding.UTF8.GetBytes(args), CallId.FromCounter((UInt128)id));

    private static (string Code, string Message) Error(ReplyMessage reply) =>
        (reply.Error!.Value.Code.ToString(), reply.Error.Value.Message.ToString());
}
