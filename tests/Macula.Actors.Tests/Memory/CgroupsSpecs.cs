using Macula.Actors.Memory;

namespace Macula.Actors.Tests.Memory;

/// <summary>The layouts that systems and containers show.</summary>
public sealed class CgroupsSpecs : IDisposable
{
    private const string Two = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
    private const string One = "34 30 0:31 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory";

    private readonly FakeRoot _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Version_two_has_the_limit_of_the_processs_own_group()
    {
        _root.With("proc/self/cgroup", "0::/system.slice/macula.service").With("proc/self/mountinfo", Two)
            .With("sys/fs/cgroup/system.slice/macula.service/memory.max", "536870912");

        Assert.Equal(536870912, Limit());
    }

    [Theory]
    [InlineData("1000", "max", "3000", 1000)]
    [InlineData("max", "2000", "3000", 2000)]
    [InlineData("4000", "max", "3000", 3000)]
    [InlineData("4000", "5000", "max", 4000)]
    public void The_smallest_limit_on_the_path_counts(string outer, string middle, string inner, long limit)
    {
        _root.With("proc/self/cgroup", "0::/a/b/c").With("proc/self/mountinfo", Two)
            .With("sys/fs/cgroup/a/memory.max", outer)
            .With("sys/fs/cgroup/a/b/memory.max", middle)
            .With("sys/fs/cgroup/a/b/c/memory.max", inner)
            .With("sys/fs/cgroup/a/other/memory.max", "1"); // not on it

        Assert.Equal(limit, Limit());
    }

    [Fact]
    public void Max_everywhere_is_no_limit()
    {
        _root.With("proc/self/cgroup", "0::/a").With("proc/self/mountinfo", Two)
            .With("sys/fs/cgroup/a/memory.max", "max");

        Assert.Null(Limit());
    }

    [Fact]
    public void In_a_container_with_its_own_namespace_the_mount_is_the_group()
    {
        _root.With("proc/self/cgroup", "0::/").With("proc/self/mountinfo", Two)
            .With("sys/fs/cgroup/memory.max", "268435456");

        Assert.Equal(268435456, Limit());
    }

    [Fact]
    public void A_path_that_leads_out_of_the_namespace_is_not_followed()
    {
        _root.With("proc/self/cgroup", "0::/../../other").With("proc/self/mountinfo", Two)
            .With("sys/fs/cgroup/memory.max", "268435456");

        Assert.Equal(268435456, Limit());
    }

    [Fact]
    public void Version_one_has_the_limit_of_the_memory_controller()
    {
        _root.With("proc/self/cgroup", "9:name=systemd:/", "5:cpu,cpuacct:/jobs", "4:hugetlb,memory:/jobs/7")
            .With("proc/self/mountinfo", "31 30 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct", One)
            .With("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
            .With("sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", "800")
            .With("sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "900")
            .With("sys/fs/cgroup/cpu/jobs/memory.limit_in_bytes", "1");

        Assert.Equal(800, Limit());
    }

    [Fact]
    public void In_a_container_of_version_one_the_hosts_path_is_what_is_mounted()
    {
        _root.With("proc/self/cgroup", "4:memory:/docker/abc")
            .With(
                "proc/self/mountinfo",
                "700 699 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory")
            .With("sys/fs/cgroup/memory/memory.limit_in_bytes", "700")
            .With("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "1"); // cannot be there

        Assert.Equal(700, Limit());
    }

    [Fact]
    public void A_group_below_what_is_mounted_is_found_there()
    {
        _root.With("proc/self/cgroup", "0::/pods/one/node")
            .With("proc/self/mountinfo", @"30 23 0:26 /pods/one /mnt/own\040groups rw - cgroup2 cgroup2 rw")
            .With("mnt/own groups/memory.max", "max")
            .With("mnt/own groups/node/memory.max", "600");

        Assert.Equal(600, Limit());
    }

    [Fact]
    public void Of_both_versions_at_once_the_smaller_counts()
    {
        _root.With("proc/self/cgroup", "4:memory:/v1", "0::/v2").With("proc/self/mountinfo", One, Unified)
            .With("sys/fs/cgroup/memory/v1/memory.limit_in_bytes", "900")
            .With("sys/fs/cgroup/unified/v2/memory.max", "500");

        Assert.Equal(500, Limit());
    }

    [Theory]
    [InlineData("")]
    [InlineData("rubbish")]
    [InlineData("0::")]
    [InlineData("4:memory")]
    public void Rubbish_is_no_limit(string line)
    {
        _root.With("proc/self/cgroup", line).With("proc/self/mountinfo", line, "1 2 - 3", "1 2 3 4 5 - cgroup2")
            .With("sys/fs/cgroup/memory.max", "1");

        Assert.Null(Limit());
    }

    [Fact]
    public void Without_proc_there_is_no_limit() => Assert.Null(Limit());

    private const string Unified = "37 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";

    private long? Limit() => new Cgroups(_root.Path).Limit();
}
