using Akka.Event;

namespace Macula.Actors.Tests.Registry;

// An actor takes its log level when it starts, so it cannot be raised later.
public sealed class SweepLogSpecs(ITestOutputHelper log) : RegistryKit(log, config: "akka.loglevel = DEBUG")
{
    [Fact]
    public async Task Each_sweep_says_what_it_removed()
    {
        Sys.EventStream.Subscribe(TestActor, typeof(Info));
        Sys.EventStream.Subscribe(TestActor, typeof(Debug));
        var p = await Connect("p");
        foreach (var name in (string[])["1", "2"]) await Store(p, "p", Wire.Advertise(name, "p", ttl: 10));

        this.Advance(Options.CleanupInterval);
        var removed = await FishForMessageAsync<Info>(
            each => $"{each.Message}".StartsWith("Service cleanup", StringComparison.Ordinal), SpecExtensions.Deadline);
        Assert.Equal("Service cleanup: removed 2 expired service(s)", $"{removed.Message}");
        this.Advance(Options.CleanupInterval);
        var none = await FishForMessageAsync<Debug>(
            each => $"{each.Message}".StartsWith("Service cleanup", StringComparison.Ordinal), SpecExtensions.Deadline);
        Assert.Equal("Service cleanup: no expired services", $"{none.Message}");
    }
}
