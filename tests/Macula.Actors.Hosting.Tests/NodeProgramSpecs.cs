using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Macula.Actors.Hosting.Tests;

/// <summary>The node as a process, over the QUIC that this machine has.</summary>
public sealed class NodeProgramSpecs
{
    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_signal_ends_a_ready_node_cleanly(string signal)
    {
        using var node = new NodeProcess("--port", "0", "--realm", "org.example.test");
        var ready = await node.ReadyAsync();
        node.Signal(signal);
        var (code, output, errors) = await node.EndAsync();

        Assert.Equal((0, node.Id), (code, ready.GetProperty("pid").GetInt32()));
        Assert.Equal("org.example.test", ready.GetProperty("realm").GetString());
        Assert.Equal(64, ready.GetProperty("fingerprint").GetString()!.Length);
        Assert.Equal(64, ready.GetProperty("node_id").GetString()!.Length);
        var listening = IPEndPoint.Parse(ready.GetProperty("listening")[0].GetString()!);
        foreach (var said in (string[])["org.example.test", $"UDP {listening}", "./build.sh macula sub"])
            Assert.Contains(said, output, StringComparison.Ordinal);
        Assert.Contains(ready.GetProperty("fingerprint").GetString()!, output, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_listener_on_any_IPv6_address_takes_IPv4_too()
    {
        if (!Socket.OSSupportsIPv6) return; // a kernel without IPv6 has nothing to show

        using var node = new NodeProcess("-D", "macula.quic.listen=[::]:0");
        var ready = await node.ReadyAsync();
        var listening = IPEndPoint.Parse(Assert.Single(ready.GetProperty("listening").EnumerateArray()).GetString()!);

        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var taken = Assert.Throws<SocketException>(() => other.Bind(new IPEndPoint(IPAddress.Any, listening.Port)));
        Assert.Equal(SocketError.AddressAlreadyInUse, taken.SocketErrorCode);
        node.Signal("TERM");
        Assert.Equal(0, (await node.EndAsync()).Code);
    }

    [Fact]
    public async Task Every_line_of_the_log_names_node_and_realm()
    {
        using var node = new NodeProcess(
            "--port", "0", "--realm", "org.example.test", "-D", "macula.node-id=one", "--log-format", "json");
        await node.ReadyAsync();
        node.Signal("TERM");
        var (_, _, errors) = await node.EndAsync();

        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(lines);
        Assert.All(lines, line =>
        {
            var properties = JsonDocument.Parse(line).RootElement;
            Assert.Equal("one", properties.GetProperty("NodeId").GetString());
            Assert.Equal("org.example.test", properties.GetProperty("Realm").GetString());
        });
    }

    [Fact]
    public async Task Bad_configuration_ends_with_2_and_every_fault_on_a_line()
    {
        using var node = new NodeProcess("-D", "macula.clients.max-client=3", "-D", "macula.rpc.max-hops=0");
        var (code, output, errors) = await node.EndAsync();

        Assert.Equal((2, ""), (code, output));
        Assert.Equal(
            [
                "The configuration is wrong:",
                "  macula.clients.max-client is unknown; did you mean macula.clients.max-clients?",
                "  macula.rpc.max-hops is '0'; allowed: a whole number from 1 to 255",
            ],
            errors.Trim().Split('\n'));
    }

    [Theory]
    [InlineData("--port", "65536", "--port is '65536'; allowed: 0 to 65535")]
    [InlineData("-D", "macula.realm", "-D is 'macula.realm'; allowed: key=value")]
    [InlineData("--nonsense", "x", "Unrecognized command or argument '--nonsense'.")]
    public async Task Bad_arguments_end_with_2(string argument, string value, string said)
    {
        using var node = new NodeProcess(argument, value);
        var (code, _, errors) = await node.EndAsync();

        Assert.Equal(2, code);
        Assert.Contains(said, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_UDP_port_ends_with_3_and_says_what_to_do()
    {
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        other.Bind(new IPEndPoint(IPAddress.Any, 0));
        var port = ((IPEndPoint)other.LocalEndPoint!).Port;

        await CannotStart($"{port}", ["--port", $"{port}"], "choose another port with --port");
    }

    [Fact]
    public async Task A_taken_cluster_port_ends_with_3_and_says_what_to_do()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        await CannotStart(
            $"TCP 127.0.0.1:{port}", ["--port", "0", "-D", $"macula.cluster.port={port}"], "macula.cluster.port");
    }

    [Fact]
    public Task A_certificate_that_is_not_there_ends_with_3() => CannotStart(
        "/nowhere/cert.pem",
        ["--port", "0", "-D", "macula.quic.certificate-file=/nowhere/cert.pem", "-D", "macula.quic.key-file=/nowhere/key.pem"],
        "does not exist");

    private static async Task CannotStart(string what, string[] arguments, string whatToDo)
    {
        using var node = new NodeProcess(arguments);
        var (code, output, errors) = await node.EndAsync();

        Assert.Equal((3, ""), (code, output));
        Assert.Contains("The node cannot start: ", errors, StringComparison.Ordinal);
        Assert.Contains(what, errors, StringComparison.Ordinal);
        Assert.Contains(whatToDo, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal); // a stack trace is for us, not for operators
    }
}
