using System.Buffers.Binary;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests.Registry;

/// <summary>A question of 60 bytes does not make a reply of any size.</summary>
public sealed class LargeReplySpecs(ITestOutputHelper log)
    : RegistryKit(log, Options with { MaxProvidersPerService = 5, MaxValueSize = 100_000, MaxStoredBytes = 1_000_000 })
{
    [Fact]
    public async Task A_reply_has_the_values_that_fit_into_64_KiB_and_a_large_one_does_not_hide_those_after_it()
    {
        foreach (var (node, size) in ((string, int)[])[("a", 30_000), ("b", 30_000), ("c", 30_000), ("d", 100)])
            await Store(await Connect(node), node, Value(node, size));

        var reply = await FindValue("add");

        Assert.Equal(["d", "a", "b"], reply.Providers().Select(record => record.NodeId.ToString()));
        Assert.InRange(reply.Value!.Value.Bytes.Length, 60_000, 64 * 1024);
    }

    [Fact]
    public async Task A_reply_has_one_value_at_least_however_large_it_is()
    {
        await Store(await Connect("a"), "a", Value("a", 70_000));
        Assert.Equal(["a"], await Found("add"));

        await Store(await Connect("b"), "b", Value("b", 100));
        Assert.Equal(["b"], await Found("add"));
    }

    private static StoreMessage Value(string node, int size)
    {
        byte[] metadata = [0x81, 0xa1, (byte)'k', 0xc6, 0, 0, 0, 0, .. new byte[size]];
        BinaryPrimitives.WriteInt32BigEndian(metadata.AsSpan(4), size);
        return Wire.Store("add", Wire.Record(node, 300, metadata));
    }
}
