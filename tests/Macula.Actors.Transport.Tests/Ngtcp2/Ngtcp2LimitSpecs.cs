using System.Diagnostics;
using System.Net;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>How many a listener lets in, in all and from one address; each limit is filled.</summary>
[Collection(Ngtcp2Specs.Name)]
public class Ngtcp2LimitSpecs
{
    protected virtual int Loops => 1;

    private const long ConnectionRefused = 0x2;

    private static readonly IPAddress Elsewhere = IPAddress.Parse("127.0.0.2");

    [Fact]
    public async Task Half_open_connections_are_limited_and_their_end_makes_room()
    {
        const int Most = 4;
        await using var pair = await Pair.Listen(
            options => options with { HandshakeTimeout = TimeSpan.FromSeconds(2) },
            new Ngtcp2Options { MaxHalfOpen = Most, Retry = RetryPolicy.Never }, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        await HalfOpen(pair, stranger, Most);

        await Pair.Fails(QuicTransportError.ConnectionRefused, () => pair.Connect());
        Assert.Equal((Most, 1), (pair.Metrics.HalfOpen, pair.Metrics.Refused(RefusalReason.HalfOpen)));

        await Pair.Until(() => pair.Metrics.HalfOpen == 0, () => $"half open: {pair.Metrics.HalfOpen}");
        var (client, server) = await pair.Both();
        Assert.Equal((Most, 1), (pair.Metrics.HandshakesFailed, pair.Metrics.HandshakesCompleted));
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Half_open_connections_from_one_address_do_not_keep_others_out()
    {
        const int Most = 3;
        await using var pair = await Pair.Listen(defence: new Ngtcp2Options { MaxHalfOpenPerAddress = Most, Retry = RetryPolicy.Never }, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint, Elsewhere);
        using var neighbour = new Stranger(pair.Listener.LocalEndPoint, Elsewhere);
        await HalfOpen(pair, stranger, Most);

        var answer = await neighbour.AskAsync(new InitialPacket(), Pair.Patience);

        Assert.Equal(ConnectionRefused, answer.CloseCode);
        Assert.Equal(1, pair.Metrics.Refused(RefusalReason.HalfOpenPerAddress));
        var (client, server) = await pair.Both();
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Connections_from_one_address_are_limited_where_it_is_set()
    {
        await using var pair = await Pair.Listen(defence: new Ngtcp2Options { MaxConnectionsPerAddress = 2, Retry = RetryPolicy.Never }, loops: Loops);
        var (first, firstServer) = await pair.Both();
        var (second, secondServer) = await pair.Both();

        await Pair.Fails(QuicTransportError.ConnectionRefused, () => pair.Connect());
        Assert.Equal(1, pair.Metrics.Refused(RefusalReason.ConnectionsPerAddress));

        await firstServer.DisposeAsync();
        var (third, thirdServer) = await pair.Both();
        foreach (var connection in new[] { first, second, secondServer, third, thirdServer })
            await connection.DisposeAsync();
    }

    [Fact]
    public async Task Fifteen_hundred_clients_at_one_address_get_in_at_once_by_default()
    {
        const int Clients = 1500;
        await using var pair = await Pair.Listen(loops: Loops);
        var accepting = Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => pair.Accept()));

        var clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => pair.Connect()));

        var servers = await accepting;
        Assert.Equal(Clients, pair.Metrics.HandshakesCompleted);
        foreach (var connection in clients.Concat(servers)) await connection.DisposeAsync();
    }

    [Fact]
    public async Task An_address_without_connections_takes_no_room()
    {
        await using var pair = await Pair.Listen(
            options => options with { HandshakeTimeout = TimeSpan.FromMilliseconds(300) }, loops: Loops);
        for (var i = 2; i < 50; i++)
        {
            using var stranger = new Stranger(pair.Listener.LocalEndPoint, IPAddress.Parse($"127.0.0.{i}"));
            await stranger.SendAsync(new InitialPacket().ToDatagram());
        }

        await Pair.Until(() => pair.Metrics.HandshakesFailed == 48, () => $"ended: {pair.Metrics.HandshakesFailed}");

        await Pair.Until(() => pair.Admission.Addresses == 0, () => $"addresses: {pair.Admission.Addresses}");
    }

    [Fact]
    public void Answers_without_a_connection_are_limited_by_the_second()
    {
        var budget = new AnswerBudget();
        for (var i = 0; i < AnswerBudget.PerSecond; i++) Assert.True(Take(budget, $"10.0.{i / 200}.{i % 200}", (ulong)i));

        Assert.False(Take(budget, "10.9.9.9", 999_999_999));
        Assert.True(Take(budget, "10.9.9.9", 1_000_000_000));
    }

    [Fact]
    public void One_address_does_not_use_up_the_answers_of_all()
    {
        var budget = new AnswerBudget();
        var taken = Enumerable.Range(0, AnswerBudget.PerSecond).Count(_ => Take(budget, "10.0.0.1", 0));
        Assert.Equal(AnswerBudget.PerSecond - AnswerBudget.Reserved, taken);

        // Not that of an address that happens to share the first one's seat.
        Assert.Contains(Enumerable.Range(2, 4), last =>
            Enumerable.Range(0, 100).Count(_ => Take(budget, $"10.0.0.{last}", 0)) == AnswerBudget.Few);
        Assert.True(Take(budget, "10.0.0.1", 1_000_000_000));
    }

    [Fact]
    public async Task A_flood_that_is_refused_is_answered_in_part_and_counted_whole()
    {
        await using var pair = await Pair.Listen(
            defence: new Ngtcp2Options { MaxHalfOpen = 1, Retry = RetryPolicy.Never }, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        await HalfOpen(pair, stranger, 1);
        var first = new InitialPacket().ToDatagram();
        const int fewest = AnswerBudget.PerSecond - AnswerBudget.Reserved; // as all come from one address
        var clock = Stopwatch.StartNew();

        while (pair.Metrics.Dropped(DropReason.TooManyAnswers) < 100 && clock.Elapsed < Pair.Patience)
            for (var i = 0; i < 100; i++) await stranger.SendAsync(first);

        // The two are not counted at one time.
        await Pair.Until(
            () => pair.Metrics.Refused(RefusalReason.HalfOpen) - pair.Metrics.Dropped(DropReason.TooManyAnswers)
                >= fewest,
            () => $"refused: {pair.Metrics.Refused(RefusalReason.HalfOpen)}");
        var (dropped, refused) =
            (pair.Metrics.Dropped(DropReason.TooManyAnswers), pair.Metrics.Refused(RefusalReason.HalfOpen));
        Assert.True(dropped >= 100, $"of {refused} that were refused, {dropped} got no answer");
        Assert.InRange(refused - dropped, fewest, AnswerBudget.PerSecond * (clock.Elapsed.TotalSeconds + 1));
    }

    [Theory]
    [InlineData(-1, 10, 2048, "RetryMark is '-1'; allowed: 0 to 1000000")]
    [InlineData(1024, 0, 2048, "MaxHalfOpen is '0'; allowed: 1 to 1000000")]
    [InlineData(1024, 10, -1, "MaxHalfOpenPerAddress is '-1'; allowed: 0 to 1000000")]
    public void An_option_that_cannot_work_is_named(int mark, int most, int perAddress, string told)
    {
        var thrown = Assert.Throws<QuicTransportException>(() => new Ngtcp2Provider(options: new Ngtcp2Options
        {
            RetryMark = mark,
            MaxHalfOpen = most,
            MaxHalfOpenPerAddress = perAddress,
        }));
        Assert.Equal((QuicTransportError.InvalidConfiguration, told), (thrown.Error, thrown.Message));
    }

    [Theory]
    [InlineData(1024, 2048, 0, "MaxHalfOpen is '1024'; allowed: more than RetryMark, which is 1024")]
    [InlineData(2048, 1024, 0, "MaxHalfOpenPerAddress is '1024'; allowed: 0, or more than RetryMark, which is 1024")]
    [InlineData(2048, 0, 1024, "MaxConnectionsPerAddress is '1024'; allowed: 0, or more than RetryMark, which is 1024")]
    public void A_limit_that_is_reached_before_clients_prove_their_address_is_named(
        int most, int perAddress, int connections, string told)
    {
        var options = new Ngtcp2Options
        {
            RetryMark = 1024,
            MaxHalfOpen = most,
            MaxHalfOpenPerAddress = perAddress,
            MaxConnectionsPerAddress = connections,
        };
        Assert.Equal(told, Assert.Throws<QuicTransportException>(() => new Ngtcp2Provider(options: options)).Message);
        _ = new Ngtcp2Provider(options: options with { Retry = RetryPolicy.Always }); // all prove it first
        _ = new Ngtcp2Provider(options: options with { RetryMark = 1023 });
    }

    /// <summary>It is a dropped datagram and nothing else: nobody was there.</summary>
    [Fact]
    public async Task A_first_packet_that_is_none_is_counted_once_and_nobody_is_told()
    {
        var told = 0;
        await using var pair = await Pair.Listen(
            options => options with { OnHandshakeFailed = (_, _) => Interlocked.Increment(ref told) }, loops: Loops);
        using var stranger = new Stranger(pair.Listener.LocalEndPoint);
        var junk = new InitialPacket().ToDatagram();
        junk[^1] ^= 1;
        for (var i = 0; i < 3; i++) await stranger.SendAsync(junk);

        await Pair.Until(
            () => pair.Metrics.Dropped(DropReason.BadInitial) == 3,
            () => $"dropped: {pair.Metrics.Dropped(DropReason.BadInitial)}");
        var (client, server) = await pair.Both(); // whatever else was to be counted has been
        Assert.Equal((0, 0, 0), (pair.Metrics.HandshakesFailed, pair.Metrics.HalfOpen, told));
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    private static async Task HalfOpen(Pair pair, Stranger stranger, int count)
    {
        for (var i = 0; i < count; i++) await stranger.SendAsync(new InitialPacket().ToDatagram());
        await Pair.Until(() => pair.Metrics.HalfOpen == count, () => $"half open: {pair.Metrics.HalfOpen}");
    }

    private static unsafe bool Take(AnswerBudget budget, string address, ulong now)
    {
        var bytes = stackalloc byte[SocketAddresses.Room];
        var length = SocketAddresses.Write(new IPEndPoint(IPAddress.Parse(address), 9443), bytes);
        return budget.TryTake(new NativeAddress { SocketAddress = bytes, Length = length }, now);
    }
}
