using System.Collections.Concurrent;
using System.Text.Json;
using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;

namespace Macula.Actors.EndToEnd.Tests;

[Collection(OneByOne.Name)]
public sealed class CallSpecs(ITestOutputHelper test)
{
    private const int ProviderProcesses = 5;
    private const int ProvidersPerProcess = 10;
    private const int CallerProcesses = 6;
    private const int CallersPerProcess = 4;
    private const int CallsPerCaller = 500;
    private const int KillAfter = 3000;

    // What may become of a call: these codes and no others.
    private static readonly string[] TypedErrors = ["no_such_procedure", "provider_gone", "timeout", "overloaded"];

    [Fact]
    public async Task Ten_thousand_calls_are_answered_exactly_once_though_providers_and_callers_are_killed_midway()
    {
        await using var node = await NodeProcess.StartAsync(
            test, "macula.quic.idle-timeout=2s", "macula.quic.keep-alive-interval=500ms");
        await using var watcher = await RawClient.ConnectAsync(node.Address, "watcher");
        var before = await Diagnostics.TablesAsync(watcher);

        List<WorkerProcess> processes = [];
        try
        {
            var providers = Enumerable.Range(0, ProviderProcesses).Select(i => Providers(node, i)).ToList();
            processes.AddRange(providers);
            await Task.WhenAll(providers.Select(provider => provider.UntilAsync("serving")));
            var callers = Enumerable.Range(0, CallerProcesses).Select(i => Callers(node, i)).ToList();
            processes.AddRange(callers);
            await Task.WhenAll(callers.Select(caller => caller.UntilAsync("connected")));

            // Midway, not at a time of the clock: when the survivors have this many answers.
            var midway = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var answered = new ConcurrentDictionary<int, int>();
            var (killed, survivors) = (callers[0], callers[1..]);
            var answers = survivors.Select((caller, i) => caller.UntilAsync("answered", line =>
            {
                answered[i] = line.GetProperty("Answered").GetInt32();
                if (answered.Values.Sum() >= KillAfter) midway.TrySetResult();
            })).ToList();
            await Task.WhenAll(callers.Select(caller => caller.TellAsync("call")));
            await midway.Task.WaitAsync(TimeSpan.FromSeconds(60));
            foreach (var victim in (WorkerProcess[])[killed, providers[0], providers[1]]) victim.Send(Signal.Kill);
            await Task.WhenAll(answers);

            await Task.WhenAll(survivors.Select(caller => caller.TellAsync("finish")));
            var lines = await Task.WhenAll(survivors.Select(caller => caller.UntilAsync("calls")));
            AssertEachOnce([.. lines.Select(line => line.Deserialize<CallsLine>()!)]);
            await Task.WhenAll(providers[2..].Select(provider => provider.TellAsync("stop")));
            await Task.WhenAll(providers[2..].Select(provider => provider.UntilAsync("done")));
        }
        finally
        {
            foreach (var process in processes) await process.DisposeAsync();
        }

        await Diagnostics.AssertReturnToAsync(watcher, before, TimeSpan.FromSeconds(15));
        node.AssertUntroubled();
    }

    private WorkerProcess Providers(NodeProcess node, int process) => new(
        test, "serve", $"providers {process}", new WorkOrder
        {
            Node = node.Address,
            Clients =
            [
                .. Enumerable.Range(process * ProvidersPerProcess, ProvidersPerProcess)
                    .Select(i => new ClientOrder($"provider-{i}", ["demo.all", $"demo.only{i}"], [])),
            ],
        });

    // Most calls go to procedures of all providers, some to those of one, and some to those of nobody.
    private WorkerProcess Callers(NodeProcess node, int process) => new(
        test, "call", $"callers {process}", new WorkOrder
        {
            Node = node.Address,
            Calls = CallsPerCaller,
            Window = 20,
            Clients =
            [
                .. Enumerable.Range(process * CallersPerProcess, CallersPerProcess).Select(i => new ClientOrder(
                    $"caller-{i}",
                    ["demo.all", $"demo.only{i}", "demo.all", "demo.all", $"demo.only{i + 25}", "demo.nobody"], [])),
            ],
        });

    private void AssertEachOnce(IReadOnlyList<CallsLine> lines)
    {
        var errors = lines.SelectMany(line => line.Errors).GroupBy(error => error.Key)
            .ToDictionary(group => group.Key, group => group.Sum(error => error.Value));
        var (sent, results) = (lines.Sum(line => line.Sent), lines.Sum(line => line.Results));
        test.WriteLine($"{sent} calls, {results} results; {string.Join(", ", errors.Select(e => $"{e.Value} {e.Key}"))}");

        Assert.Equal(10_000, sent);
        Assert.Equal(0, lines.Sum(line => line.Never));
        Assert.Equal(0, lines.Sum(line => line.Twice));
        Assert.Equal(0, lines.Sum(line => line.Wrong));
        Assert.Equal(sent, results + errors.Values.Sum());
        Assert.Subset(TypedErrors.ToHashSet(), errors.Keys.ToHashSet());
        Assert.True(results > sent / 2, $"only {results} of {sent} calls had a result");
        Assert.True(errors.ContainsKey("provider_gone"), "no call ended with provider_gone, though providers were killed");
    }
}
