using Akka.TestKit.Xunit2;
using static Macula.Actors.Clients.ClientProtocol;

namespace Macula.Actors.Tests.Clients;

/// <summary>What the admin side asks.</summary>
public sealed class ClientQuerySpecs(ITestOutputHelper log) : TestKit(TestConfig.Strict, output: log)
{
    [Fact]
    public async Task A_client_is_found_by_its_node_with_what_it_said_and_its_stream()
    {
        var table = new ClientTable(this);
        var sink = await table.Admit("a");

        var found = await table.Ask<Found>(new Find(ClientTable.Info("a").Node));

        Assert.Equal(("a", "127.0.0.1:1"), (found.Client!.Node.ToString(), found.Client.Address));
        Assert.Same(sink, found.Stream);
    }

    [Fact]
    public async Task A_node_that_is_not_connected_is_not_found()
    {
        var found = await new ClientTable(this).Ask<Found>(new Find(ClientTable.Info("a").Node));

        Assert.Equal((null, null), (found.Client, found.Stream));
    }

    [Fact]
    public async Task A_connection_is_a_client_until_it_ends()
    {
        var table = new ClientTable(this);
        var sink = await table.Admit("a");
        Assert.Equal("a", (await table.Ask<Found>(new FindConnection(sink.Connection))).Client!.Node.ToString());

        await table.End(sink.Connection);

        Assert.Null((await table.Ask<Found>(new FindConnection(sink.Connection))).Client);
    }

    [Fact]
    public async Task A_superseded_connection_is_no_client_any_more()
    {
        var table = new ClientTable(this);
        var older = await table.Admit("a");
        await table.Admit("a");

        Assert.Null((await table.Ask<Found>(new FindConnection(older.Connection))).Client);
    }

    [Fact]
    public async Task A_list_of_nobody_is_empty_and_at_its_end()
    {
        var listed = await new ClientTable(this).Ask<Listed>(new List(10));

        Assert.Empty(listed.Clients);
        Assert.Equal((0, 0), (listed.Before, listed.Total));
    }

    [Fact]
    public async Task The_pages_of_a_list_have_each_client_once()
    {
        var table = new ClientTable(this);
        foreach (var node in (string[])["a", "b", "c"]) await table.Admit(node);

        var first = await table.Ask<Listed>(new List(2));
        var second = await table.Ask<Listed>(new List(2, first.Before));

        Assert.Equal(["c", "b"], first.Clients.Select(client => client.Node.ToString()));
        Assert.Equal(["a"], second.Clients.Select(client => client.Node.ToString()));
        Assert.Equal((1, 0, 3), (first.Before, second.Before, first.Total));
    }

    [Theory]
    [InlineData(int.MaxValue, 2)]
    [InlineData(1, 1)]
    [InlineData(0, 1)]
    [InlineData(int.MinValue, 1)]
    public async Task A_page_has_as_many_as_asked_for_within_the_bound(int count, int expected)
    {
        var table = new ClientTable(this);
        foreach (var node in (string[])["a", "b", "c"]) await table.Admit(node);

        Assert.Equal(expected, (await table.Ask<Listed>(new List(count))).Clients.Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public async Task A_page_before_the_first_client_is_empty(int before)
    {
        var table = new ClientTable(this);
        await table.Admit("a");

        Assert.Empty((await table.Ask<Listed>(new List(2, before))).Clients);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    [InlineData("c")]
    public async Task Whoever_stays_is_on_a_page_though_another_leaves_meanwhile(string leaving)
    {
        var table = new ClientTable(this);
        var sinks = new Dictionary<string, FakeSink>();
        foreach (var node in (string[])["a", "b", "c"]) sinks[node] = await table.Admit(node);

        var first = await table.Ask<Listed>(new List(1));
        await table.End(sinks[leaving].Connection);
        var second = await table.Ask<Listed>(new List(2, first.Before));

        var met = first.Clients.Concat(second.Clients).Select(client => client.Node.ToString()).ToHashSet();
        Assert.Superset(sinks.Keys.Where(node => node != leaving).ToHashSet(), met);
        Assert.Equal(0, second.Before);
    }
}
