using Macula.Actors.Fuzz;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

[Collection(Ngtcp2Specs.Name)]
public sealed class FuzzRateSpecs(ITestOutputHelper log)
{
    [Fact]
    public async Task As_many_hostile_packets_are_sent_as_were_asked_for()
    {
        var report = await FuzzRun.RunAsync(
            new FuzzOptions { Time = TimeSpan.FromSeconds(3), Rate = 90, Seed = 1 },
            log.WriteLine).WaitAsync(Pair.Patience);

        Assert.InRange(report.Hostile, 220, 300); // 270, less or more as the end is on time
    }
}
