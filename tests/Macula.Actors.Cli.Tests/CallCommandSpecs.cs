using System.Text;
using Macula.Actors.Protocol;
using Macula.Actors.Testing;

namespace Macula.Actors.Cli.Tests;

public sealed class CallCommandSpecs : IAsyncLifetime
{
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync();

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    public async Task Call_prints_the_result()
    {
        await using var tool = Tool.Start(_gateway, "call", "add", "[1,2]", "--timeout", "2s");
        var session = await _gateway.AcceptAsync();
        var call = await session.ExpectAsync<CallMessage>();
        Assert.Equal(("add", "[1,2]"), (call.Procedure.ToString(), Encoding.UTF8.GetString(call.Args.Span)));
        Assert.InRange(call.Timeout!.Value, 1, 2000);

        await session.SendAsync(new ReplyMessage(call.CallId, "3\n"u8.ToArray()));

        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
        Assert.Equal("3\n", tool.Output.ReplaceLineEndings("\n"));
        Assert.Empty(tool.Error);
    }

    [Theory]
    [InlineData("""{ "sum": 3 }""", """{"sum":3}""", "result")]
    [InlineData("plain", "\"plain\"", "result_text")]
    public async Task Call_with_json_wraps_the_result(string result, string expected, string field)
    {
        await using var tool = Tool.Start(_gateway, "call", "add", "--json");
        var session = await _gateway.AcceptAsync();
        var call = await session.ExpectAsync<CallMessage>();
        Assert.Equal("null", Encoding.UTF8.GetString(call.Args.Span));

        await session.SendAsync(new ReplyMessage(call.CallId, Encoding.UTF8.GetBytes(result)));

        Assert.Equal(expected, (await tool.JsonLineAsync()).GetProperty(field).GetRawText());
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
    }

    [Fact]
    public async Task Call_takes_anything_from_standard_input_when_told()
    {
        await using var tool = Tool.Start(_gateway, ["call", "add", "-", "--raw"], "no json");
        var session = await _gateway.AcceptAsync();

        var call = await session.ExpectAsync<CallMessage>();

        Assert.Equal("no json", Encoding.UTF8.GetString(call.Args.Span));
        await session.SendAsync(new ReplyMessage(call.CallId, default));
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
    }

    [Theory]
    [InlineData("no_such_procedure", ExitCode.Failure)]
    [InlineData("handler_error", ExitCode.Failure)]
    [InlineData("timeout", ExitCode.TimedOut)]
    public async Task An_error_decides_the_exit_code(string code, int exitCode)
    {
        await using var tool = Tool.Start(_gateway, "call", "add");
        var session = await _gateway.AcceptAsync();
        var call = await session.ExpectAsync<CallMessage>();

        await session.SendAsync(ReplyMessage.Failed(call.CallId, code, "it did not work"));

        Assert.Equal(exitCode, await tool.EndAsync());
        Assert.Empty(tool.Output);
        Assert.Contains("it did not work", tool.Error, StringComparison.Ordinal);
        Assert.Contains(code, tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_cannot_write_more_than_a_line()
    {
        await using var tool = Tool.Start(_gateway, "call", "add");
        var session = await _gateway.AcceptAsync();
        var call = await session.ExpectAsync<CallMessage>();

        await session.SendAsync(ReplyMessage.Failed(call.CallId, "x", "one\nmacula: all is well\u001b[2J"));

        Assert.Equal(ExitCode.Failure, await tool.EndAsync());
        Assert.Single(tool.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain('\u001b', tool.Error);
    }

    [Fact]
    public async Task A_lost_connection_fails_the_call_with_3()
    {
        await using var tool = Tool.Start(_gateway, "call", "add");
        var session = await _gateway.AcceptAsync();
        await session.ExpectAsync<CallMessage>();

        session.Abort();

        Assert.Equal(ExitCode.CannotConnect, await tool.EndAsync());
    }

    [Fact]
    public async Task An_interrupted_call_is_cancelled()
    {
        await using var tool = Tool.Start(_gateway, "call", "add");
        var session = await _gateway.AcceptAsync();
        var call = await session.ExpectAsync<CallMessage>();

        await tool.InterruptAsync();

        Assert.Equal(ExitCode.Interrupted, await tool.EndAsync());
        Assert.Equal(call.CallId, (await session.ExpectAsync<CancelMessage>()).CallId);
    }

    [Fact]
    public async Task Ping_prints_a_line_for_each()
    {
        await using var tool = Tool.Start(_gateway, "ping", "-n", "2", "-i", "1ms", "--json");
        await _gateway.AcceptAsync();

        Assert.Equal(1, (await tool.JsonLineAsync()).GetProperty("ping").GetInt32());
        Assert.True((await tool.JsonLineAsync()).GetProperty("ms").GetDouble() >= 0);
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
    }

    [Fact]
    public async Task Ping_without_an_answer_ends_with_5()
    {
        await using var tool = Tool.Start(_gateway, "ping", "-n", "1", "-t", "50ms");
        var session = await _gateway.AcceptUnansweredAsync();
        session.AnswersPings = false;
        await session.SendAsync(new PongMessage(1, 1));

        Assert.Equal(ExitCode.TimedOut, await tool.EndAsync());
        Assert.Contains("no answer within 0.05 s", tool.Error, StringComparison.Ordinal);
    }
}
