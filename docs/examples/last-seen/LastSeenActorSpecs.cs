using System.Text;
using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Bounded;
using Macula.Actors.Rpc;

namespace Macula.Examples;

/// <summary>The actor alone, among probes, in virtual time.</summary>
public sealed class LastSeenActorSpecs : TestKit
{
    private static readonly Config VirtualTime = ConfigurationFactory.ParseString(
        "akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"");

    private readonly TableCensus _tables = new();
    private readonly IActorRef _lastSeen;
    private ulong _calls;

    public LastSeenActorSpecs() : base(VirtualTime)
    {
        var rpc = CreateTestProbe();
        _lastSeen = Sys.ActorOf(
            LastSeenActor.Props(rpc, _tables, maxDevices: 2, silence: TimeSpan.FromSeconds(30)));
        Assert.Equal("presence.seen", rpc.ExpectMsg<RpcProtocol.Register>().Procedure);
        Assert.Equal("presence.count", rpc.ExpectMsg<RpcProtocol.Register>().Procedure);
    }

    [Fact]
    public void A_device_is_there_until_it_has_been_silent_for_too_long()
    {
        Seen("lamp");
        Advance(seconds: 20);
        Seen("lamp");
        Advance(seconds: 20);
        Assert.Equal("1", Count());

        Advance(seconds: 11);
        Assert.Equal("0", Count());
        Assert.Equal((0, 1, 1), (Table.Size, Table.HighWater, Table.Expiries));
    }

    [Fact]
    public void One_device_too_many_is_refused_and_a_known_one_is_not()
    {
        Seen("lamp");
        Seen("door");

        Assert.Equal("overloaded", Invoke("presence.seen", "\"fridge\"").Code);
        Assert.Null(Invoke("presence.seen", "\"lamp\"").Code);
        Assert.Equal((2, 1), (Table.Size, Table.Rejected));
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("1")]
    [InlineData("null")]
    public void Whatever_else_a_caller_sends_is_told_to_it(string args) =>
        Assert.Equal("invalid_request", Invoke("presence.seen", args).Code);

    private IBoundedTable Table => _tables.Tables.Single();

    private void Seen(string device) => Assert.Null(Invoke("presence.seen", $"\"{device}\"").Code);

    private string Count() => Encoding.UTF8.GetString(Invoke("presence.count", "{}").Result.Span);

    private RpcProtocol.Completed Invoke(string procedure, string args)
    {
        _lastSeen.Tell(new RpcProtocol.Invoke(procedure, Encoding.UTF8.GetBytes(args), ++_calls), TestActor);
        return ExpectMsg<RpcProtocol.Completed>();
    }

    // A second at a time: a periodic timer fires once per step, however far that jumps.
    private void Advance(int seconds)
    {
        for (; seconds > 0; seconds--) ((TestScheduler)Sys.Scheduler).Advance(TimeSpan.FromSeconds(1));
    }
}
