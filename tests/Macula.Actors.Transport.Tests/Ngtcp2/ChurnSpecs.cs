using Macula.Actors.Fuzz.Churn;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>What <c>./build.sh churn</c> does, in small: the server is a process of its own.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class ChurnSpecs(ITestOutputHelper log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Thousands_of_handshakes_and_streams_leave_memory_as_it_was()
    {
        var report = await ChurnRun.RunAsync(
            new ChurnOptions { Handshakes = 2000, Streams = 20_000 }, log.WriteLine).WaitAsync(Patience);

        Assert.Empty(report.Faults);
        Assert.Equal(22_000, report.Echoes);
        Assert.Equal((0, 0, 0), (report.Last!.Connections, report.Last.Streams, report.Last.Tombstones));
    }

    [Fact]
    public async Task A_server_that_leaks_is_a_fault()
    {
        var report = await ChurnRun.RunAsync(
            new ChurnOptions { Handshakes = 200, Streams = 200, Leak = 4 << 20 }, log.WriteLine).WaitAsync(Patience);

        Assert.Contains(report.Faults, fault => fault.Contains("native memory grew", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(84, 14, 60, null)] // 5 % and 4 MiB
    [InlineData(100, 14, 60, "native memory grew from 76.0 MiB to 86.0 MiB; allowed: 83.8 MiB")]
    [InlineData(91, 15, 60, "managed memory grew from 10.0 MiB to 15.0 MiB; allowed: 14.5 MiB")]
    [InlineData(86, 10, 77, "handles grew from 60 to 77; allowed: 76")]
    public void Growth_beyond_the_bound_is_told(int resident, int managed, int handles, string? told)
    {
        var bound = new FlatBound(new Holdings(86L << 20, 10L << 20, 60, 0, 0, 0));

        var faults = bound.Check(new Holdings((long)resident << 20, (long)managed << 20, handles, 0, 0, 0));

        Assert.Equal(told, faults.FirstOrDefault());
    }
}
