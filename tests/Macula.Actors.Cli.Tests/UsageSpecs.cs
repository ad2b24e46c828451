using Macula.Actors.Protocol;
using Macula.Actors.Testing;
using Macula.Actors.Transport;

namespace Macula.Actors.Cli.Tests;

public sealed class UsageSpecs : IAsyncLifetime
{
    private FakeGateway _gateway = null!;

    public async Task InitializeAsync() => _gateway = await FakeGateway.StartAsync();

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Theory]
    [InlineData("", "Required command")]
    [InlineData("foo", "'foo'")]
    [InlineData("sub", "'sub'")]
    [InlineData("sub a --count 0", "--count is '0'; allowed from 1")]
    [InlineData("sub a --count none", "--count is 'none'; allowed from 1")]
    [InlineData("sub a --qos 1", "'--qos' is no option here")]
    [InlineData("sub a --connect-timeout soon", "--connect-timeout is 'soon'; allowed: 1ms to 24h")]
    [InlineData("sub a --server ::", "--server is '::'; allowed: host or host:port")]
    [InlineData("sub a --node-id 0xzz", "--node-id is '0xzz'")]
    [InlineData("sub a --fingerprint 12", "'12' is no SHA-256 fingerprint")]
    [InlineData("sub a --ca /nowhere.pem", "--ca is '/nowhere.pem', which cannot be read")]
    [InlineData("sub a --insecure --ca x", "exclude each other")]
    [InlineData("sub a --quic tcp", "'tcp'")]
    [InlineData("pub topic", "'pub'")]
    [InlineData("pub topic x --qos 3", "--qos is '3'; allowed: 0 to 2")]
    [InlineData("pub topic x --count 0", "--count is '0'")]
    [InlineData("call add {a", "the arguments '{a' are not JSON")]
    [InlineData("serve add", "'--exec'")]
    [InlineData("serve add --exec /no/such/program", "--exec is '/no/such/program', which is not there")]
    [InlineData("serve add --exec no-such-program", "--exec is 'no-such-program', which is not there")]
    [InlineData("serve add --exec cat --concurrency 0", "--concurrency is '0'")]
    [InlineData("ping --count 0", "--count is '0'")]
    [InlineData("load everything", "'everything' is no scenario; allowed: mesh, clients")]
    [InlineData("load clients --scale 1.1", "--scale is '1.1'; allowed: 0.0001 to 1, the full size")]
    [InlineData("load clients --time soon", "--time is 'soon'; allowed: 1ms to 24h")]
    [InlineData("load clients -D max-clients", "-D is 'max-clients'; allowed: key=value")]
    [InlineData("load clients --html /nowhere/report.html", "--html is '/nowhere/report.html', which cannot be written")]
    [InlineData("load clients --report /nowhere/report.json", "--report is '/nowhere/report.json', which cannot be written")]
    [InlineData("load clients --server a:1,b:2", "--server is 'a:1,b:2'; a load has one node")]
    public async Task What_cannot_be_meant_is_one_line_and_exit_code_2(string line, string expected)
    {
        await using var tool = Tool.StartBare(_gateway, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(ExitCode.Usage, await tool.EndAsync());

        Assert.Empty(tool.Output);
        var error = Assert.Single(tool.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("macula: ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("A pattern is empty", "sub", "")]
    [InlineData("A pattern is empty", "sub", "a", "")]
    [InlineData("--realm is empty", "sub", "a", "--realm", "")]
    [InlineData("--ca is empty", "sub", "a", "--ca", "")]
    [InlineData("--server is ''", "sub", "a", "--server", "")]
    [InlineData("--node-id is ''", "sub", "a", "--node-id", "")]
    [InlineData("--fingerprint", "sub", "a", "--fingerprint", "")]
    [InlineData("The topic is empty", "pub", "", "x")]
    [InlineData("the procedure's name is empty", "call", "")]
    [InlineData("The procedure's name is empty", "serve", "", "--exec", "cat")]
    [InlineData("--exec is empty", "serve", "a", "--exec", "")]
    public async Task What_is_empty_and_must_not_be_is_one_line_and_exit_code_2(string expected, params string[] args)
    {
        await using var tool = Tool.StartBare(_gateway, args);

        Assert.Equal(ExitCode.Usage, await tool.EndAsync());

        var error = Assert.Single(tool.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("sub --help")]
    [InlineData("pub --help")]
    [InlineData("serve --help")]
    [InlineData("call --help")]
    [InlineData("ping --help")]
    [InlineData("load --help")]
    public async Task Help_has_examples_and_exit_codes(string line)
    {
        await using var tool = Tool.StartBare(_gateway, line.Split(' '));

        Assert.Equal(ExitCode.Ok, await tool.EndAsync());

        Assert.Contains("Examples:", tool.Output, StringComparison.Ordinal);
        Assert.Contains("130  interrupted", tool.Output, StringComparison.Ordinal);
        Assert.Contains("--fingerprint", tool.Output, StringComparison.Ordinal);
        Assert.Empty(tool.Error);
    }

    [Fact]
    public async Task Where_nobody_listens_the_exit_code_is_3()
    {
        await using var tool = Tool.StartBare(_gateway, ["ping", "--insecure", "--server", "127.0.0.1:9"]);

        Assert.Equal(ExitCode.CannotConnect, await tool.EndAsync());

        Assert.Contains("cannot connect to 127.0.0.1:9", tool.Error, StringComparison.Ordinal);
        Assert.Contains("--server or MACULA_SERVER", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_is_exit_code_4_and_says_what_to_change()
    {
        await using var tool = Tool.Start(_gateway, "ping", "--realm", "org.other");
        await (await _gateway.AcceptUnansweredAsync()).RefuseAsync(DisconnectReason.WrongRealm);

        Assert.Equal(ExitCode.Refused, await tool.EndAsync());

        Assert.Contains("wrong_realm", tool.Error, StringComparison.Ordinal);
        Assert.Contains("'org.other'; --realm or MACULA_REALM", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_json_an_error_is_an_object()
    {
        await using var tool = Tool.Start(_gateway, "ping", "--json");
        await (await _gateway.AcceptUnansweredAsync()).RefuseAsync(DisconnectReason.MaxClientsReached, 5000);

        Assert.Equal(ExitCode.Refused, await tool.EndAsync());

        using var error = System.Text.Json.JsonDocument.Parse(tool.Error);
        Assert.Equal("max_clients_reached", error.RootElement.GetProperty("error").GetString());
        Assert.Equal(4, error.RootElement.GetProperty("exit_code").GetInt32());
    }

    [Fact]
    public async Task Server_and_realm_come_from_the_environment_too()
    {
        await using var tool = Tool.StartBare(_gateway, ["ping", "-n", "1", "--insecure"], new()
        {
            ["MACULA_SERVER"] = _gateway.Address,
            ["MACULA_REALM"] = "org.env",
        });

        Assert.Equal("org.env", (await _gateway.AcceptAsync()).Connect.Realm.ToString());
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
    }

    [Fact]
    [Trait("Defect", "D47")]
    public async Task A_gateway_with_an_unknown_certificate_is_not_trusted()
    {
        await using var tool = Tool.StartBare(_gateway, ["ping", "--server", _gateway.Address], new()
        {
            ["MACULA_DATA_DIR"] = "/nowhere",
        });

        Assert.Equal(ExitCode.CannotConnect, await tool.EndAsync());

        Assert.Contains("--fingerprint or --ca", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_is_trusted_by_its_fingerprint()
    {
        await using var tool = Tool.StartBare(
            _gateway,
            ["ping", "-n", "1", "--server", _gateway.Address, "--fingerprint", QuicTrust.Fingerprint(_gateway.ServerCertificate)]);

        await _gateway.AcceptAsync();
        Assert.Equal(ExitCode.Ok, await tool.EndAsync());
    }

    [Theory]
    [InlineData("MACULA_DATA_DIR", "")]
    [InlineData("XDG_DATA_HOME", "macula")]
    [InlineData("HOME", ".local/share/macula")]
    public async Task A_gateway_on_this_machine_is_trusted_by_the_certificate_that_it_left(
        string variable, string folder)
    {
        var root = Directory.CreateTempSubdirectory("macula-cli-");
        try
        {
            var directory = Directory.CreateDirectory(Path.Combine(root.FullName, folder));
            await File.WriteAllTextAsync(
                Path.Combine(directory.FullName, DevelopmentCertificate.CertificateFile),
                _gateway.ServerCertificate.ExportCertificatePem());
            await using var tool = Tool.StartBare(
                _gateway, ["ping", "-n", "1", "--server", _gateway.Address], new() { [variable] = root.FullName });

            await _gateway.AcceptAsync();
            Assert.Equal(ExitCode.Ok, await tool.EndAsync());
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("2", 2000)]
    [InlineData("2s", 2000)]
    [InlineData("1.5m", 90_000)]
    [InlineData("24h", 86_400_000)]
    public void Times_are_read(string text, double milliseconds)
    {
        Assert.True(Durations.TryParse(text, out var time));
        Assert.Equal(milliseconds, time.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1d")]
    [InlineData("25h")]
    [InlineData("1e9")]
    [InlineData("1 s")]
    public void What_is_no_time_is_refused(string text) => Assert.False(Durations.TryParse(text, out _));
}
