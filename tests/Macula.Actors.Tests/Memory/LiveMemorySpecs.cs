using System.Runtime.InteropServices;
using Akka.TestKit.Xunit2;
using Macula.Actors.Memory;

namespace Macula.Actors.Tests.Memory;

/// <summary>The memory of this very process, with nothing else running beside.</summary>
[Collection(RealMemorySpecs.Alone)]
public sealed class LiveMemorySpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    private const int Size = 64 << 20, Piece = 1000, Others = 8 << 20; // what else the process takes and leaves meanwhile

    private static byte[]? s_garbage;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_full_collection_leaves_is_live_and_what_comes_after_it_is_not(bool blocks)
    {
        GC.Collect();
        var before = LiveMemory.Managed();
        var held = new List<byte[]>();
        for (var i = 0; i < Size / Piece; i++) held.Add(new byte[Piece]);
        for (var i = 0; i < GC.MaxGeneration; i++) GC.Collect(i); // they grow old

        await Collect(() => LiveMemory.Managed() > before + Size - Others);
        Assert.InRange(LiveMemory.Managed(), before + Size - Others, before + Size + (Size / 8) + Others);
        for (var i = 0; i < Size / Piece; i++) s_garbage = new byte[Piece];
        Assert.InRange(LiveMemory.Managed(), before + Size - Others, before + Size + (Size / 8) + Others);

        GC.KeepAlive(held);
        held = null;
        await Collect(() => LiveMemory.Managed() < before + Others);
        Assert.InRange(LiveMemory.Managed(), before - Others, before + Others);

        // One beside the process takes its time, and one that was under way may have begun too early.
        Task Collect(Func<bool> isSeen) => this.Eventually(() =>
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: blocks);
            return isSeen();
        });
    }

    [Fact]
    public async Task What_malloc_gave_to_any_thread_is_live_until_it_is_freed()
    {
        if (!OperatingSystem.IsLinux()) return;
        var before = LiveMemory.Native();
        var pieces = new nint[4][];
        var threads = pieces.Select((_, i) => new Thread(() => pieces[i] = Pieces())).ToList();
        threads.ForEach(each => each.Start());
        threads.ForEach(each => each.Join());
        var large = Marshal.AllocHGlobal(Size); // of its own mapping, beside the arenas

        await Grown(2 * Size, Size / 8);
        foreach (var piece in pieces.SelectMany(each => each)) Marshal.FreeHGlobal(piece);
        await Grown(Size);
        Marshal.FreeHGlobal(large);
        await Grown(0);

        // A figure may be a second old.
        Task Grown(long by, long overhead = 0) => this.Eventually(() =>
            LiveMemory.Native() - before is var grown && grown >= by - Others && grown <= by + overhead + Others);

        static nint[] Pieces() => [.. Enumerable.Range(0, Size / 4 / Piece).Select(_ => Marshal.AllocHGlobal(Piece))];
    }
}
