using Akka.Configuration;
using Akka.TestKit.Xunit2;

namespace Macula.Actors.Tests.Models;

/// <summary>Random histories of every operation, of crashes, late ends and passing time, each actor beside its model.</summary>
public sealed class ModelSpecs(ITestOutputHelper log) : TestKit(Quiet, output: log)
{
    private const int Length = 1_000;
    private const int Histories = 220; // 220,000 steps for each of the five actors

    private static readonly Config Quiet = ConfigurationFactory.ParseString("""
        akka.loglevel = OFF
        akka.log-dead-letters = off
        akka.stdout-loglevel = OFF
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        akka.actor.default-dispatcher.type = "Akka.TestKit.CallingThreadDispatcherConfigurator, Akka.TestKit"
        akka.actor.default-dispatcher.throughput = 2147483647
        """);

    private readonly ITestOutputHelper _log = log;

    [Fact]
    public void The_client_manager_does_what_its_model_does() =>
        Check(() => new ClientManagerModel(this), ClientManagerModel.Kinds);

    [Fact]
    public void The_publish_and_subscribe_actor_does_what_its_model_does() =>
        Check(() => new PubSubModel(this), PubSubModel.Kinds);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_registry_does_what_its_model_does_with_and_without_the_guard(bool guard) =>
        Check(() => new RegistryModel(this, guard), RegistryModel.Kinds);

    [Fact]
    public void The_rpc_actor_does_what_its_model_does() => Check(() => new RpcModel(this), RpcModel.Kinds);

    [Fact]
    public void The_mesh_pool_does_what_its_model_does()
    {
        var reached = new SortedDictionary<string, long>(StringComparer.Ordinal);
        Check(() => new MeshPoolModel(this, reached), MeshPoolModel.Kinds);
        foreach (var (what, times) in reached) _log.WriteLine($"{what}: {times}");
        if (!ModelCheck.IsReplay) Assert.Equal(MeshPoolModel.Cases, reached.Keys);
    }

    private void Check(Func<IModel> begin, int[] kinds)
    {
        var steps = ModelCheck.Run(begin, kinds, Histories, Length);
        _log.WriteLine($"{steps} steps");
        if (!ModelCheck.IsReplay) Assert.True(steps >= 200_000, $"only {steps} steps were taken");
    }
}
