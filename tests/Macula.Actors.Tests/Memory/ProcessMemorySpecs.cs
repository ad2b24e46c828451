using Macula.Actors.Memory;

namespace Macula.Actors.Tests.Memory;

public sealed class ProcessMemorySpecs : IDisposable
{
    private readonly FakeRoot _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("300000000", 300_000_000)]
    [InlineData("max", 1_024_000_000)]
    [InlineData("9223372036854771712", 1_024_000_000)]
    public void The_limit_is_the_groups_or_the_machines(string group, long limit)
    {
        Machine().With("sys/fs/cgroup/memory.max", group);

        Assert.Equal(limit, new ProcessMemory(root: _root.Path).Read().Limit);
    }

    [Fact]
    public void A_limit_that_changes_is_seen()
    {
        var memory = new ProcessMemory(root: Machine().With("sys/fs/cgroup/memory.max", "300000000").Path);
        memory.Read();
        _root.With("sys/fs/cgroup/memory.max", "200000000");

        Assert.Equal(200_000_000, memory.Read().Limit);
    }

    [Fact]
    public void An_absolute_limit_overrides_both()
    {
        Machine().With("sys/fs/cgroup/memory.max", "300000000");

        Assert.Equal(700_000_000, new ProcessMemory(700_000_000, _root.Path).Read().Limit);
    }

    [Fact]
    public void Resident_pages_beyond_the_committed_heap_are_native()
    {
        GC.Collect(); // or nothing is known of the heap yet
        var heap = GC.GetGCMemoryInfo(GCKind.Any);
        _root.With("proc/self/statm", "9000000 5000000 382 5 0 123 0");

        // Another spec's collection may come between.
        Assert.InRange(
            new ProcessMemory(root: _root.Path).Read().Native,
            (5_000_000L * Environment.SystemPageSize) - heap.TotalCommittedBytes - (1L << 30),
            5_000_000L * Environment.SystemPageSize);
    }

    [Fact]
    public void Fewer_resident_pages_than_the_heap_has_committed_are_no_debt()
    {
        GC.Collect();
        _root.With("proc/self/statm", "1 1 1 1 0 1 0");
        var reading = new ProcessMemory(root: _root.Path).Read();

        Assert.Equal((0, reading.Managed), (reading.Native, reading.Live));
    }

    [Fact]
    public void Without_the_kernels_files_the_runtime_is_asked()
    {
        var reading = new ProcessMemory(root: _root.Path).Read();

        Assert.Equal(GC.GetGCMemoryInfo(GCKind.Any).TotalAvailableMemoryBytes, reading.Limit);
        Assert.Equal(reading.Limit, reading.ManagedLimit);
        Assert.InRange(reading.Live, 1 << 20, reading.Limit);
    }

    [Fact]
    public void The_real_process_is_within_its_limit()
    {
        var reading = new ProcessMemory().Read();

        Assert.InRange(reading.Live, 1 << 20, reading.Limit);
        Assert.InRange(reading.ManagedLimit, 1 << 20, long.MaxValue);
    }

    [Theory]
    [InlineData(80, 0, 80, false, false)]
    [InlineData(81, 0, 81, true, false)]
    [InlineData(79, 0, 79, false, true)]
    [InlineData(0, 81, 81, true, false)]
    [InlineData(40, 40, 80, false, false)]
    [InlineData(49, 0, 98, true, false, 50)] // the heap is full while there is memory
    [InlineData(40, 0, 80, false, false, 50)]
    [InlineData(39, 0, 78, false, true, 50)]
    public void Above_and_below_are_exact_and_both_limits_count(
        long managed, long native, int percent, bool above, bool below, long managedLimit = 100)
    {
        var reading = new MemoryReading(managed, native, 100, managedLimit);

        Assert.Equal((percent, above, below), (reading.Percent, reading.IsAbove(80), reading.IsBelow(80)));
    }

    private FakeRoot Machine() => _root
        .With("proc/meminfo", "MemTotal:        1000000 kB", "MemFree:          1 kB")
        .With("proc/self/cgroup", "0::/")
        .With("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate");
}
