using Macula.Actors.Node;
using Serilog;

namespace Macula.Actors.Hosting.Tests;

public sealed class MemoryReturnSpecs : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly Readings _process = new() { Resident = 100 * MiB };
    private readonly MemoryReturn _return;

    public MemoryReturnSpecs()
    {
        _return = new MemoryReturn(_process, TimeProvider.System, new LoggerConfiguration().CreateLogger());
        Look(busy: 0);
    }

    public void Dispose() => _return.Dispose();

    [Fact]
    public void What_a_burst_left_goes_back_once_the_process_is_calm()
    {
        _process.Resident = 400 * MiB;
        Look(busy: 0.9);
        Assert.Equal(0, _process.Given);

        Look(busy: 0.1);
        Assert.Equal(1, _process.Given);
    }

    [Fact]
    public void It_is_done_once_for_each_burst()
    {
        _process.Resident = 400 * MiB;
        for (var i = 0; i < 10; i++) Look(busy: 0);
        Assert.Equal(1, _process.Given);

        _process.Resident += MemoryReturn.LeastGrowth;
        for (var i = 0; i < 10; i++) Look(busy: 0);
        Assert.Equal(2, _process.Given);
    }

    [Fact]
    public void A_process_that_hardly_grows_is_left_alone()
    {
        _process.Resident += MemoryReturn.LeastGrowth - 1;
        Look(busy: 0);
        Assert.Equal(0, _process.Given);
    }

    [Fact]
    public void Growth_counts_from_the_least_there_was()
    {
        _process.Resident = 60 * MiB;
        Look(busy: 0);
        _process.Resident = 110 * MiB;
        Look(busy: 0);
        Assert.Equal(1, _process.Given);
    }

    [Fact]
    public void Of_this_process_everything_can_be_read_and_given_back()
    {
        var process = new MemoryReturn.Process();
        Assert.True(process.Resident > 0);
        Assert.True(process.ProcessorTime > TimeSpan.Zero);
        process.GiveBack();
    }

    private void Look(double busy)
    {
        _process.ProcessorTime += busy * MemoryReturn.Interval;
        _return.Look();
    }

    private sealed class Readings : MemoryReturn.IReadings
    {
        public long Resident { get; set; }

        public TimeSpan ProcessorTime { get; set; }

        public int Given { get; private set; }

        public void GiveBack()
        {
            Given++;
            Resident -= 20 * MiB;
        }
    }
}
