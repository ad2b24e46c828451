using System.Runtime.InteropServices;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;

namespace Macula.Actors.Tests.Memory;

/// <summary>The memory of this very process, with nothing else running beside.</summary>
[Collection(Alone)]
public sealed class RealMemorySpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    public const string Alone = "alone";

    private const int Large = 512 << 20;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_really_held_raises_the_level_and_what_is_let_go_lowers_it(bool isNative)
    {
        var present = Present();
        var options = TestOptions.Defaults.Memory with
        {
            Limit = (present + (Large / 2)) * 100 / 80, // the high mark is half of it above what is there
            LowMark = 75,
        };
        var census = new TableCensus();
        using var meters = new TestMeters();
        var metrics = new GatewayMetrics(meters, census);
        var guard = Sys.ActorOf(MemoryGuardActor.Props(
            options, new ProcessMemory(options.Limit), TestOptions.Defaults.Gateway.NewOutbound(), [TestActor], census,
            metrics));
        this.Advance(options.CheckInterval);
        await this.Handled(guard);
        Assert.Equal(MemoryLevel.Normal, metrics.Memory.Level);

        using var held = new Held();
        if (isNative) held.Native();
        else held.Managed();
        await Until(() => metrics.Memory.Level >= MemoryLevel.CloseIdlePeers);
        Assert.InRange(metrics.Memory.Live, present + (Large * 3L / 4), present + (Large * 5L / 4));
        var most = metrics.Memory.Live;
        held.Dispose();
        await Until(() => metrics.Memory.Level == MemoryLevel.Normal);

        Assert.InRange(metrics.Memory.Live, 0, most - (Large / 2)); // the rest of the process holds what it likes

        Task Until(Func<bool> condition) => this.Eventually(() =>
        {
            this.Advance(options.CheckInterval);
            return condition();
        });
    }

    private static long Present()
    {
        var memory = new ProcessMemory();
        memory.Collect(waits: true);
        return memory.Read().Live;
    }

    // All of it is touched, or the kernel would not have given it yet.
    private sealed class Held : IDisposable
    {
        private const int Part = 1 << 20;

        private readonly List<byte[]> _arrays = [];
        private nint _native;

        public void Managed()
        {
            for (var i = 0; i < Large; i += Part) _arrays.Add(Ones());
        }

        public void Native()
        {
            _native = Marshal.AllocHGlobal(Large);
            var ones = Ones();
            for (var i = 0; i < Large; i += Part) Marshal.Copy(ones, 0, _native + i, Part);
        }

        public void Dispose()
        {
            _arrays.Clear();
            Marshal.FreeHGlobal(_native);
            _native = 0;
        }

        private static byte[] Ones()
        {
            var ones = new byte[Part];
            Array.Fill(ones, (byte)1);
            return ones;
        }
    }
}

[CollectionDefinition(RealMemorySpecs.Alone, DisableParallelization = true)]
public sealed class AloneCollection;
