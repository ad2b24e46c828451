using Akka.Configuration;
using Akka.Event;
using Akka.TestKit.Xunit2;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests.Gateway;

public sealed class LogSpecs(ITestOutputHelper log) : TestKit(
    ConfigurationFactory.ParseString("akka.loglevel = DEBUG").WithFallback(TestConfig.Strict), output: log)
{
    [Fact]
    [Trait("Defect", "D57")]
    public async Task Nothing_that_clients_say_to_each_other_is_logged_at_any_level()
    {
        const string Said = "between-us";
        var logged = CreateTestProbe();
        Sys.EventStream.Subscribe(logged, typeof(LogEvent));
        var node = await TestNode.Start(this);
        var (peer, a) = await node.Join("a");
        var (_, b) = await node.Join("b");
        await a.Send(Wire.Subscribe("news"));
        await a.Send(Wire.Advertise("add", "a"));
        await a.Settle();

        await b.Send(Wire.Retain("news", Said, qos: 1));
        Assert.Equal(Said, Wire.Text((await a.Next())!.Publish().Payload));
        await b.Send(Wire.Call("add", 1, Said));
        await a.Send(new ReplyMessage((await a.Next())!.Call().CallId, Wire.Bytes(Said)));
        Assert.Equal(Said, Wire.Text((await b.Next())!.Reply().Result));
        await b.Send(Wire.Call("com.macula.diagnostics.echo", 2, Said));
        await b.Next();
        await b.Send(Wire.Frame(FrameType.Publish, Wire.Bytes(Said))); // no map: that is worth a line
        await b.Send(Wire.Call("add", 3, Said));
        await a.Next();
        peer.Die();
        Assert.Equal("provider_gone", (await b.Next())!.ErrorCode());
        await b.Settle();

        var last = new Info("spec", typeof(LogSpecs), "That was all.");
        Sys.EventStream.Publish(last);
        List<LogEvent> lines = [];
        while (lines.LastOrDefault() != last) lines.Add(await logged.ExpectMsgAsync<LogEvent>(SpecExtensions.Deadline));
        Assert.Contains(lines, line => line is Debug);
        Assert.Contains(lines, line => line is Warning);
        Assert.DoesNotContain(lines, line => $"{line}".Contains(Said, StringComparison.Ordinal));
    }
}
