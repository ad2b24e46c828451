using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Tests;

public sealed class NodeFiguresSpecs
{
    [Fact]
    public void A_stream_too_few_is_told_when_it_is_so_twice()
    {
        var (even, odd) = (Sample(5, 5, 10), Sample(6, 5, 10));

        Assert.Null(Invariants.Check(null, odd));
        Assert.Null(Invariants.Check(even, odd));
        Assert.Null(Invariants.Check(odd, even));
        Assert.Contains("6 clients had 5 streams", Invariants.Check(odd, odd), StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_above_its_limit_is_told_at_once() =>
        Assert.Contains("clients had 11 entries of 10", Invariants.Check(null, Sample(11, 11, 10)), StringComparison.Ordinal);

    [Fact]
    public void What_Linux_says_of_a_process_is_read()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var before = KernelFigures.Read(Environment.ProcessId)!;
        socket.SendTo(new byte[1000], socket.LocalEndPoint!);
        var after = KernelFigures.Read(Environment.ProcessId)!;

        // Linux counts pages for each thread and adds them up now and then: two of its figures differ by some.
        Assert.InRange(after.Resident, 10 * 1024 * 1024, Process.GetCurrentProcess().PeakWorkingSet64 + (1024 * 1024));
        Assert.InRange(after.CpuSeconds, 0.01, Environment.CpuUsage.TotalTime.TotalSeconds + 0.1);
        Assert.True(before.Sockets >= 1);
        Assert.True(after.SocketQueues >= before.SocketQueues + 1000, "a datagram that waits is counted");
    }

    [Fact]
    public void Of_a_process_that_is_not_there_nothing_is_told() => Assert.Null(KernelFigures.Read(int.MaxValue));

    [Fact]
    public void The_node_is_found_where_a_build_puts_it() =>
        Assert.EndsWith("Macula.Actors.Node.dll", NodeProgram.Find(), StringComparison.Ordinal);

    [Theory]
    [InlineData("12:00:00.123 ERR gateway it failed", true)]
    [InlineData("12:00:00.123 FTL gateway it failed", true)]
    [InlineData("Unhandled exception. System.Exception", true)]
    [InlineData("12:00:00.123 WRN gateway the peer said ERR 12", false)]
    [InlineData("   at Macula.Actors.Gateway ERR ", false)]
    public void A_line_of_the_log_that_says_that_a_human_must_look_is_known(string line, bool isError) =>
        Assert.Equal(isError, OwnNode.IsError(line));

    [Theory]
    [InlineData("", 0, 0)] // an older node
    [InlineData("\"live\":5,\"native_live\":6,", 5, 6)]
    public void What_a_node_says_of_its_memory_is_read(string added, long live, long nativeLive)
    {
        var told = JsonSerializer.Deserialize<MemoryFigures>(
            $$"""{{{added}}"managed":1,"committed":2,"resident":3,"native":4,"handles":7,"threads":8,"cpu_seconds":0.5,"collections":[9]}""",
            NodeProbe.Json)!;

        Assert.Equal((1, 4, live, nativeLive, 0.5), (told.Managed, told.Native, told.Live, told.NativeLive, told.CpuSeconds));
    }

    private static NodeSample Sample(long clients, long streams, long limit) => new(
        TimeSpan.Zero,
        new Dictionary<string, TableFigures>
        {
            ["clients"] = new(clients, limit, clients, 0, 0, 0, new Dictionary<string, long>()),
            ["client_streams"] = new(streams, limit, streams, 0, 0, 0, new Dictionary<string, long>()),
        },
        null, null);
}
