using System.Diagnostics;

namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [ContractFact]
    public async Task A_silent_connection_ends_after_the_idle_timeout()
    {
        var (client, server) = await PairAsync(
            options => options with { IdleTimeout = ShortIdle }, options => options with { IdleTimeout = ShortIdle });
        var accepting = AcceptStreamAsync(client);

        Advance(ShortIdle * 3);

        Assert.Equal(QuicTransportError.ConnectionIdle, (await client.Closed.WaitAsync(Soon)).Error);
        Assert.Equal(QuicTransportError.ConnectionIdle, (await server.Closed.WaitAsync(Soon)).Error);
        await FailsAsync(QuicTransportError.ConnectionIdle, () => accepting);
        await FailsAsync(QuicTransportError.ConnectionIdle, () => OpenAsync(server));
    }

    [ContractFact]
    public async Task The_shorter_idle_timeout_rules()
    {
        var (client, _) = await PairAsync(options => options with { IdleTimeout = ShortIdle });

        Advance(ShortIdle * 3);

        Assert.Equal(QuicTransportError.ConnectionIdle, (await client.Closed.WaitAsync(Soon)).Error);
    }

    [ContractFact]
    [Trait("Defect", "D49")]
    public async Task Keep_alive_keeps_a_silent_connection()
    {
        var (client, server) = await PairAsync(
            options => options with { IdleTimeout = PatientIdle },
            options => options with { IdleTimeout = PatientIdle, KeepAliveInterval = PatientIdle / 5 });

        await OutlastAsync(PatientIdle);

        Assert.False(client.Closed.IsCompleted);
        Assert.False(server.Closed.IsCompleted);
        await StreamAsync(client, server);
    }

    [ContractFact]
    public async Task Traffic_keeps_a_connection()
    {
        var (client, server) = await PairAsync(
            options => options with { IdleTimeout = PatientIdle },
            options => options with { IdleTimeout = PatientIdle });
        var pair = await StreamAsync(client, server);

        var silent = await SilentAsync(PatientIdle);
        for (var begun = Stopwatch.GetTimestamp(); !silent.Closed.IsCompleted;)
        {
            Assert.True(Stopwatch.GetElapsedTime(begun) < Soon, "the silent one does not end either");
            Advance(PatientIdle / 5);
            await AssertAliveAsync(pair);
        }

        Assert.False(client.Closed.IsCompleted);
    }

    [ContractFact]
    public async Task Without_an_idle_timeout_nothing_ends()
    {
        var (client, server) = await PairAsync(
            options => options with { IdleTimeout = TimeSpan.Zero },
            options => options with { IdleTimeout = TimeSpan.Zero });

        await OutlastAsync(ShortIdle);

        Assert.False(client.Closed.IsCompleted);
        await StreamAsync(client, server);
    }
}
