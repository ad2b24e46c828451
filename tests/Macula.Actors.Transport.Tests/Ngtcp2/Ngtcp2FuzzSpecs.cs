using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>What <c>./build.sh fuzz</c> does, for a minute with each number of loops, both at once, or
/// MACULA_FUZZ_SECONDS.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class Ngtcp2FuzzSpecs(ITestOutputHelper log)
{
    private const int DefaultSeconds = 60;

    [Fact]
    public async Task Under_hostile_packets_and_on_bad_networks_honest_clients_have_all_they_say_echoed()
    {
        var set = Environment.GetEnvironmentVariable("MACULA_FUZZ_SECONDS");
        var seconds = set is null ? DefaultSeconds : int.Parse(set, NumberStyles.None, CultureInfo.InvariantCulture);

        var reports = await Task.WhenAll(((int[])[1, 4]).Select(loops => FuzzRun.RunAsync(
            new FuzzOptions { Time = TimeSpan.FromSeconds(seconds), Seed = Random.Shared.Next(), Loops = loops },
            line => log.WriteLine($"{loops} loops: {line}"))));

        Assert.All(reports, report =>
        {
            Assert.Empty(report.Faults);
            Assert.True(report.Echoed > 0 && report.Hostile > 0, "nothing has happened");
        });
    }

    [Fact]
    public async Task A_client_that_is_not_heard_is_a_fault()
    {
        using var silent = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var client = new HonestClient(
            new Ngtcp2Provider(), (IPEndPoint)silent.Client.LocalEndPoint!, "client 0", 1)
        {
            Patience = TimeSpan.FromMilliseconds(500),
        };

        var fault = await client.RunAsync(CancellationToken.None).WaitAsync(Pair.Patience);

        Assert.StartsWith("client 0 could not connect: ", fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Memory_beyond_the_bound_is_a_fault()
    {
        var report = await FuzzRun.RunAsync(
            new FuzzOptions { Time = TimeSpan.FromSeconds(15), Seed = 1, Growth = -1 }, log.WriteLine)
            .WaitAsync(Pair.Patience * 4);

        Assert.Contains(report.Faults, fault => fault.Contains("memory grew", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("2m", 120)]
    [InlineData("1h", 3600)]
    [InlineData("h", null)]
    [InlineData("0s", null)]
    [InlineData("-1s", null)]
    [InlineData("10", null)]
    public void Times_have_a_unit(string text, int? seconds) => Assert.Equal(
        seconds is { } some ? TimeSpan.FromSeconds(some) : null, FuzzCommand.ParseTime(text));
}
