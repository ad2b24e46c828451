using System.Threading.Channels;
using Macula.Actors.Client;
using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;

namespace Macula.Actors.EndToEnd.Tests;

/// <summary>Nodes end and come back, as the same to their clients.</summary>
[Collection(OneByOne.Name)]
public sealed class RestartSpecs(ITestOutputHelper test)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Ctrl_C_and_SIGTERM_end_a_node_in_order_and_it_comes_back_as_the_same()
    {
        using var folder = new TempFolder();
        await using var first = await NodeProcess.StartAsync(test, folder, port: 0);
        await using (await RawClient.ConnectAsync(first.Address, "client"))
            Assert.Equal(0, await first.StopAsync(Signal.Interrupt));

        await using var second = await NodeProcess.StartAsync(test, folder, port: 0);
        Assert.Equal(first.NodeId, second.NodeId);
        Assert.Equal(first.Address.Fingerprint, second.Address.Fingerprint);
        Assert.Equal(0, await second.StopAsync(Signal.Terminate));
        Assert.Empty(first.ErrorLines.Concat(second.ErrorLines));
    }

    [Theory]
    [InlineData(Signal.Terminate)]
    [InlineData(Signal.Kill)]
    public async Task Clients_of_a_node_that_is_started_again_subscribe_and_advertise_again_by_themselves(Signal signal)
    {
        using var folder = new TempFolder();
        await using var first = await NodeProcess.StartAsync(test, folder, port: 0);
        await using var listener = await Connecting.ConnectAsync(first.Address, "listener");
        await using var speaker = await Connecting.ConnectAsync(first.Address, "speaker");
        await using var news = await listener.SubscribeAsync("news.**");
        await using var arriving = news.GetAsyncEnumerator();
        await listener.AdvertiseAsync("demo.echo", (call, _) => ValueTask.FromResult(call.Args));
        await AssertServed("before");
        var (listenerStates, speakerStates) = (States(listener), States(speaker));

        await first.StopAsync(signal);
        await using var second = await NodeProcess.StartAsync(test, folder, first.Port);
        await BackAsync(listenerStates);
        await BackAsync(speakerStates);

        await AssertServed("after");
        Assert.Equal(2, listener.Statistics.Connections);
        second.AssertUntroubled();

        async Task AssertServed(string word)
        {
            await speaker.PublishAsync("news.today", word, qos: 1);
            Assert.True(await arriving.MoveNextAsync().AsTask().WaitAsync(Patience));
            Assert.Equal(word, arriving.Current.Text);
            Assert.Equal(word, await speaker.CallJsonAsync<string, string>("demo.echo", word));
        }
    }

    private static ChannelReader<MaculaClientState> States(MaculaClient client)
    {
        var states = Channel.CreateUnbounded<MaculaClientState>();
        client.StateChanged += (_, change) => states.Writer.TryWrite(change.State);
        return states.Reader;
    }

    private static async Task BackAsync(ChannelReader<MaculaClientState> states)
    {
        Assert.Equal(MaculaClientState.Reconnecting, await states.ReadAsync().AsTask().WaitAsync(Patience));
        while (await states.ReadAsync().AsTask().WaitAsync(Patience) != MaculaClientState.Connected)
        {
        }
    }
}
