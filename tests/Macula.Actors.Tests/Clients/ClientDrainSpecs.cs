using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Tests.Clients;

/// <summary>Sending clients away, a batch per interval.</summary>
public sealed class ClientDrainSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    private static readonly TimeSpan Interval = ClientTable.Options.DrainInterval;

    [Fact]
    public async Task Clients_are_told_a_batch_at_once_and_another_each_interval()
    {
        var table = new ClientTable(this, ClientTable.Options with { MaxClients = 5 });
        var probes = await Clients(table, 5);
        table.Actor.Tell(Drain.Instance, TestActor);

        Assert.Equal(2, await Told(table, probes));
        this.Advance(Interval);
        Assert.Equal(4, await Told(table, probes));
        Assert.False(HasMessages);
        this.Advance(Interval);
        Assert.Equal(5, await Told(table, probes));
        await ExpectMsgAsync<Drained>(SpecExtensions.Deadline);
    }

    [Fact]
    public async Task Each_is_told_why_and_when_to_come_again()
    {
        var table = new ClientTable(this);
        var probe = Assert.Single(await Clients(table, 1));
        table.Actor.Tell(Drain.Instance, TestActor);

        var told = await probe.ExpectMsgAsync<ConnectionProtocol.Close>(SpecExtensions.Deadline);
        Assert.Equal((DisconnectReason.Draining, ClientTable.Options.RetryAfter), (told.Reason, told.RetryAfter));
        Assert.NotEmpty(told.Message);
    }

    [Fact]
    public async Task Without_clients_it_is_drained_at_once()
    {
        new ClientTable(this).Actor.Tell(Drain.Instance, TestActor);

        await ExpectMsgAsync<Drained>(SpecExtensions.Deadline);
    }

    [Fact]
    public async Task Nothing_more_is_told_when_all_were()
    {
        var table = new ClientTable(this);
        await Clients(table, 2);
        table.Actor.Tell(Drain.Instance, TestActor);
        await ExpectMsgAsync<Drained>(SpecExtensions.Deadline);

        this.Advance(Interval);
        await this.Handled(table.Actor);

        Assert.False(HasMessages);
    }

    [Fact]
    public async Task Those_who_leave_meanwhile_are_not_waited_for()
    {
        var table = new ClientTable(this);
        var probes = await Clients(table, 3);
        table.Actor.Tell(Drain.Instance, TestActor);
        Assert.Equal(2, await Told(table, probes));
        foreach (var probe in probes) await table.End(probe);

        this.Advance(Interval);

        await ExpectMsgAsync<Drained>(SpecExtensions.Deadline);
        await table.AssertConserved();
    }

    [Fact]
    public async Task Whoever_stays_is_told_though_others_leave()
    {
        var table = new ClientTable(this, ClientTable.Options with { MaxClients = 6 });
        var probes = await Clients(table, 6);
        table.Actor.Tell(Drain.Instance, TestActor);
        await this.Handled(table.Actor);
        await table.End(probes[0]); // its place is taken by one that was told
        this.Advance(Interval);
        await this.Handled(table.Actor);
        this.Advance(Interval);
        await ExpectMsgAsync<Drained>(SpecExtensions.Deadline);

        Assert.All(probes[1..], probe => Assert.True(probe.HasMessages));
    }

    [Fact]
    public async Task Nobody_new_is_admitted_and_each_attempt_is_counted()
    {
        var table = new ClientTable(this);
        var probe = Assert.Single(await Clients(table, 1));
        table.Actor.Tell(Drain.Instance, TestActor);

        foreach (var node in (string[])["new", "client-0"]) // not even one that is known, on another connection
        {
            var refused = Assert.IsType<Refused>(await table.Connect(node, CreateTestProbe()));
            Assert.Equal((DisconnectReason.Draining, ClientTable.Options.RetryAfter), (refused.Reason, refused.RetryAfter));
        }

        await probe.ExpectMsgAsync<ConnectionProtocol.Close>(SpecExtensions.Deadline);
        Assert.False(probe.HasMessages);
        Assert.Equal(2, table.Total("rejected", "draining"));
        await table.AssertConserved();
    }

    [Fact]
    public async Task A_connection_that_is_known_may_still_say_what_has_changed()
    {
        var table = new ClientTable(this);
        var probe = Assert.Single(await Clients(table, 1));
        table.Actor.Tell(Drain.Instance, TestActor);

        Assert.IsType<Admitted>(await table.Connect("client-0", probe));
    }

    [Fact]
    public async Task Clients_that_have_yet_to_leave_are_still_reached()
    {
        var table = new ClientTable(this);
        var sink = await table.Admit("a");
        table.Actor.Tell(Drain.Instance, TestActor);

        table.Actor.Tell(
            new Deliver(NodeId.Parse("a"), Wire.Subscribe("x").ToFrame(), null, "tag", default), TestActor);
        await this.Handled(table.Actor);

        Assert.Single(sink.Frames);
    }

    private async Task<TestProbe[]> Clients(ClientTable table, int count)
    {
        var probes = Enumerable.Range(0, count).Select(_ => CreateTestProbe()).ToArray();
        for (var i = 0; i < count; i++) Assert.IsType<Admitted>(await table.Connect($"client-{i}", probes[i]));
        return probes;
    }

    private async Task<int> Told(ClientTable table, TestProbe[] probes)
    {
        await this.Handled(table.Actor);
        return probes.Count(probe => probe.HasMessages);
    }
}
