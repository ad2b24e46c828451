using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;
using Macula.Actors.Protocol;

namespace Macula.Actors.EndToEnd.Tests;

[Collection(OneByOne.Name)]
public sealed class SlowReaderSpecs(ITestOutputHelper test)
{
    private const int Batches = 40;
    private const int PerBatch = 100;
    private const int PayloadLength = 1024;

    [Fact]
    [Trait("Defect", "D45")]
    public async Task Who_does_not_read_loses_its_own_messages_and_nobody_elses()
    {
        await using var node = await NodeProcess.StartAsync(test, "macula.gateway.outbound-max-frames=256");
        await using var publisher = await RawClient.ConnectAsync(node.Address, "publisher");
        await using var reader = await RawClient.ConnectAsync(node.Address, "reader");
        await using var sleeper = await RawClient.ConnectAsync(node.Address, "sleeper");
        foreach (var subscriber in (RawClient[])[reader, sleeper])
        {
            await subscriber.SendAsync(new SubscribeMessage(["news"]).ToFrame());
            Assert.Empty(await subscriber.FenceAsync());
        }

        // The reader takes each batch before the next one goes out, so that only the sleeper is behind.
        for (var batch = 0; batch < Batches; batch++)
        {
            for (var i = 0; i < PerBatch; i++) await publisher.SendAsync(News(batch * PerBatch + i));
            for (var i = 0; i < PerBatch; i++)
                Assert.Equal(batch * PerBatch + i, Number((await reader.ReadAsync())!));
        }

        var late = (await sleeper.FenceAsync()).Select(Number).ToList();
        test.WriteLine($"{late.Count} of {Batches * PerBatch} messages waited for the sleeper");
        Assert.InRange(late.Count, 1, Batches * PerBatch - 1);
        Assert.Equal(late.Order().Distinct(), late); // holes, but in order and none twice
        Assert.Equal(Batches * PerBatch - 1, late[^1]); // the oldest went, not the newest
        node.AssertUntroubled();
    }

    private static byte[] News(int number)
    {
        var payload = new byte[PayloadLength];
        BitConverter.TryWriteBytes(payload, number);
        return new PublishMessage("news", payload, 0, false, new MessageId(BitConverter.GetBytes(number))).ToFrame();
    }

    private static int Number(RawFrame frame) => BitConverter.ToInt32(frame.Publish().Payload.Span);
}
