using System.Diagnostics;
using Macula.Actors.Fuzz;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Tests.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Network;

/// <summary>100 ms of round trip, and packets get lost both ways.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class LossyNetworkSpecs(ITestOutputHelper test)
{
    private const int Connects = 40;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(50);
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(100);

    [Theory]
    [InlineData(0.01, Connects, 500_000, 20, 2)]
    [InlineData(0.05, Connects, 300_000, 20, 2)]
    [InlineData(0.20, Connects * 9 / 10, 20_000, 5, 4)]
    public async Task Connects_succeed_and_data_arrive(
        double loss, int leastConnected, int bytes, int messages, double mostSentPerByte)
    {
        var run = await LossyRun.MeasureAsync(
                new Ngtcp2Provider(), Pair.Listening,
                new QuicConnectOptions
                {
                    EndPoint = Pair.Listening.EndPoint,
                    ServerName = "localhost",
                    Trust = TestCertificates.Shared.Trust,
                    IdleTimeout = Patience,
                },
                new LossyPath(loss, RoundTrip, Connects, bytes, messages))
            .WaitAsync(Patience);
        test.WriteLine(run.ToString());

        Assert.InRange(run.Connected, leastConnected, Connects);
        Assert.InRange(run.P50, RoundTrip, Patience); // a path that is not there would be faster
        Assert.InRange(run.Lost, loss / 2, loss * 2);
        Assert.InRange(run.SentPerByte, 1, mostSentPerByte); // what got lost is repeated, and not much else
    }

    [Fact]
    public async Task A_connect_takes_two_round_trips() // the second is that of the server's consent, HANDSHAKE_DONE
    {
        var far = RoundTrip * 4;
        var provider = new Ngtcp2Provider();
        await using var listener = await provider.ListenAsync(Pair.Listening);
        await using var relay = new LossyRelay(listener.LocalEndPoint, loss: 0, far);
        var best = TimeSpan.MaxValue;
        for (var began = Stopwatch.GetTimestamp(); best >= far * 3 && Stopwatch.GetElapsedTime(began) < Patience;)
        {
            var start = Stopwatch.GetTimestamp();
            await using var client = await provider.ConnectAsync(new QuicConnectOptions
            {
                EndPoint = relay.EndPoint,
                ServerName = "localhost",
                Trust = TestCertificates.Shared.Trust,
            }).AsTask().WaitAsync(Pair.Patience);
            var time = Stopwatch.GetElapsedTime(start);
            test.WriteLine($"{time}");
            if (time < best) best = time;
        }

        Assert.InRange(best, far * 2, far * 3); // a slow machine has many tries
    }
}
