using Akka.TestKit.Xunit2;
using Macula.Actors.Gateway;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Tests.Clients;

/// <summary>The bound, and what it does to those who come when it is reached.</summary>
public sealed class ClientAdmissionSpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    [Fact]
    public async Task Of_many_that_connect_at_once_exactly_as_many_as_may_are_admitted()
    {
        var table = new ClientTable(this, ClientTable.Options with { MaxClients = 10 });
        var sinks = Enumerable.Range(0, 200).Select(_ => new FakeSink(CreateTestProbe())).ToArray();

        var answers = await Task.WhenAll(sinks.Select((sink, i) =>
            Task.Run(() => table.Connect($"client-{i}", sink)))).Soon();

        Assert.Equal((10, 190), (answers.OfType<Admitted>().Count(), answers.OfType<Refused>().Count()));
        Assert.Equal(10, table.Census.Table("clients").HighWater);
        await table.AssertConserved();
    }

    [Fact]
    public async Task A_place_that_is_given_back_is_given_to_one_and_no_more()
    {
        var table = new ClientTable(this);
        var leaving = await table.Admit("a");
        await table.Admit("b");
        await table.Admit("c");
        await table.End(leaving.Connection);

        Assert.IsType<Admitted>(await table.Connect("d", CreateTestProbe()));
        Assert.IsType<Refused>(await table.Connect("e", CreateTestProbe()));
        await table.AssertConserved();
    }

    [Fact]
    public async Task Refused_clients_are_told_different_times_within_the_spread()
    {
        var options = ClientTable.Options with { MaxClients = 1, RetrySpread = TimeSpan.FromSeconds(3) };
        var table = new ClientTable(this, options);
        await table.Admit("a");

        List<TimeSpan> told = [];
        for (var i = 0; i < 20; i++)
            told.Add(((Refused)await table.Connect($"late-{i}", CreateTestProbe())).RetryAfter);

        Assert.All(told, time => Assert.InRange(
            time, options.RetryAfter, options.RetryAfter + options.RetrySpread));
        Assert.True(told.Distinct().Count() > 10);
    }

    [Fact]
    public async Task A_refusal_is_logged_once_a_second_with_the_number_of_those_held_back()
    {
        var table = new ClientTable(this, ClientTable.Options with { MaxClients = 1 });
        await table.Admit("a");

        await EventFilter.Warning("Client connection rejected: max_clients_reached").ExpectAsync(1, async () =>
        {
            for (var i = 0; i < 5; i++) await table.Connect($"late-{i}", CreateTestProbe());
        });
        this.Advance(TimeSpan.FromSeconds(1));
        await EventFilter.Warning("Client connection rejected: max_clients_reached (4 more not logged)")
            .ExpectOneAsync(async () => await table.Connect("later", CreateTestProbe()));
    }

    [Fact]
    public async Task A_refused_client_may_come_again_when_there_is_room()
    {
        var table = new ClientTable(this, ClientTable.Options with { MaxClients = 1 });
        var first = await table.Admit("a");
        var second = new FakeSink(CreateTestProbe());
        Assert.IsType<Refused>(await table.Connect("b", second));

        await table.End(first.Connection);

        Assert.IsType<Admitted>(await table.Connect("b", second));
    }

    [Fact]
    public async Task The_newest_of_many_connections_of_a_node_has_it_and_all_others_are_told()
    {
        var table = new ClientTable(this);
        var probes = Enumerable.Range(0, 20).Select(_ => CreateTestProbe()).ToArray();
        foreach (var probe in probes) await table.Connect("roaming", probe);

        foreach (var probe in probes[..^1]) await probe.ExpectMsgAsync<Superseded>(SpecExtensions.Deadline);
        Assert.False(probes[^1].HasMessages);
        Assert.Equal((1, 1), table.Sizes);
        await table.AssertConserved();
    }

    [Fact]
    public async Task An_update_of_a_known_client_is_no_new_attempt()
    {
        var table = new ClientTable(this);
        var sink = await table.Admit("a");
        for (var i = 0; i < 5; i++) Assert.IsType<Admitted>(await table.Connect("a", sink));

        Assert.Equal((1, 1, 0), (table.Total("attempts"), table.Total("accepted"), table.Total("closed")));
    }

    [Fact]
    public async Task An_update_changes_what_is_known_of_a_client()
    {
        var table = new ClientTable(this);
        var sink = await table.Admit("a");
        await table.Ask<Admitted>(new Connect(ClientTable.Info("a", "https://elsewhere:9443"), sink));

        Assert.Equal("https://elsewhere:9443", (await table.Find("a"))!.Endpoint);
    }

    // ---- sums

    [Fact]
    public async Task Whatever_happens_in_whatever_order_the_sums_hold_after_each_step()
    {
        const int seed = 20251127;
        var random = new Random(seed);
        var table = new ClientTable(this, ClientTable.Options with { MaxClients = 5 });
        List<FakeSink> sinks = [.. Enumerable.Range(0, 8).Select(_ => new FakeSink(CreateTestProbe()))];
        for (var step = 0; step < 300; step++)
        {
            var at = random.Next(sinks.Count);
            if (random.Next(5) == 0)
            {
                await table.End(sinks[at].Connection);
                sinks[at] = new FakeSink(CreateTestProbe());
            }
            else
            {
                await table.Connect($"node-{random.Next(8)}", sinks[at]);
            }

            await table.AssertConserved();
        }

        foreach (var sink in sinks) await table.End(sink.Connection);
        await table.AssertConserved();
        Assert.Equal((0, 0), table.Sizes);
    }

    [Fact]
    public async Task A_takeover_and_an_end_are_told_apart()
    {
        var table = new ClientTable(this);
        await table.Admit("a");
        var newer = await table.Admit("a");
        await table.End(newer.Connection);

        Assert.Equal(
            (1, 1), (table.Total("closed", "session_superseded"), table.Total("closed", "ended")));
        await table.AssertConserved();
    }

    [Fact]
    public async Task A_manager_that_stops_counts_its_clients_out()
    {
        var table = new ClientTable(this);
        await table.Admit("a");
        await table.Admit("b");
        await this.End(table.Actor);

        Assert.Equal((2, 2), (table.Total("accepted"), table.Total("closed", "manager_stopped")));
        Assert.Equal((0, 0), table.Sizes);
    }

    [Fact]
    public async Task After_a_restart_those_who_announce_themselves_are_counted_in_again()
    {
        var table = new ClientTable(this);
        var sinks = new[] { await table.Admit("a"), await table.Admit("b") };
        await EventFilter.Exception<ArgumentException>().ExpectOneAsync(() =>
        {
            table.Actor.Tell(new Connect(ClientTable.Info("x"), new BrokenSink()), TestActor);
            return Task.CompletedTask;
        });
        table.Actor.Tell(new Resume(ClientTable.Info("a"), sinks[0]), TestActor);
        table.Actor.Tell(GatewayProtocol.Recovered.Instance, TestActor);

        await table.AssertConserved();
        Assert.Equal((1, 1), table.Sizes);
        Assert.Equal((3, 2), (table.Total("accepted"), table.Total("closed", "manager_stopped")));
    }

    /// <summary>Throws when it is asked who owns it.</summary>
    private sealed class BrokenSink : IFrameSink
    {
        public Akka.Actor.IActorRef Connection => throw new ArgumentException("broken");

        public bool TrySend(ReadOnlyMemory<byte> frame, FrameDelivery delivery) => false;

        public void Settle()
        {
        }
    }
}
