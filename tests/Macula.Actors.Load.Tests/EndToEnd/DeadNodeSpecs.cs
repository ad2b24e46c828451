using System.Diagnostics;
using System.Globalization;
using Macula.Actors.Load.Reporting;

namespace Macula.Actors.Load.Tests.EndToEnd;

/// <summary>The node is killed in the middle of a scenario: it ends, soon, and says why.</summary>
[Collection("load")]
public sealed class DeadNodeSpecs(ITestOutputHelper test)
{
    // Of which a handshake takes 30 s when it is not given up.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("storm", "first storm", 0.2)]
    [InlineData("callers", "round 1", 0.05)]
    [InlineData("fanout", "as many as possible", 0.01)]
    public async Task A_scenario_whose_node_dies_ends_and_says_so(string scenario, string phase, double scale)
    {
        var killer = new Killer(phase);
        using var deadline = new CancellationTokenSource(Patience);

        var report = await LoadRun.RunAsync(
            Tool.Options(scenario) with { Scale = scale, Time = TimeSpan.FromSeconds(5) }, killer, deadline.Token);

        Assert.True(killer.Killed > 0, $"there was no phase '{phase}'");
        var took = Stopwatch.GetElapsedTime(killer.Killed);
        var ran = Assert.Single(report.Scenarios);
        test.WriteLine($"{took}: {ran.Fault}");
        Assert.False(report.Passed);
        Assert.Contains("the node ended with code 137", ran.Fault, StringComparison.Ordinal);
        Assert.Contains(ran.Verdicts, each => !each.Passed && each.Measured == "it has ended with code 137");
        Assert.InRange(took, TimeSpan.Zero, Soon);
    }

    /// <summary>Kills the node when it hears of a phase.</summary>
    private sealed class Killer(string phase) : ILoadScreen
    {
        /// <summary>When, from <see cref="Stopwatch.GetTimestamp"/>; 0: not yet.</summary>
        public long Killed { get; private set; }

        public void Begin(string scenario, string summary)
        {
        }

        public void Progress(LoadProgress now)
        {
            if (Killed != 0 || !now.Phase.Contains(phase, StringComparison.Ordinal)) return;
            using var node = Process.GetProcessById(Nodes().Single());
            node.Kill();
            Killed = Stopwatch.GetTimestamp();
        }

        public void End(ScenarioReport report)
        {
        }

        // Of those that this process has started.
        private static IEnumerable<int> Nodes() =>
            from folder in Directory.EnumerateDirectories("/proc")
            let name = Path.GetFileName(folder)
            where name.All(char.IsAsciiDigit)
            let stat = Read(Path.Combine(folder, "stat"))
            where stat.Contains($") {StateOf(stat)} {Environment.ProcessId} ", StringComparison.Ordinal)
            where Read(Path.Combine(folder, "cmdline")).Contains("Macula.Actors.Node.dll", StringComparison.Ordinal)
            select int.Parse(name, CultureInfo.InvariantCulture);

        // "pid (name) state parent ..." (proc_pid_stat(5)); the name may hold anything.
        private static char StateOf(string stat) => stat.Length == 0 ? ' ' : stat[stat.LastIndexOf(')') + 2];

        private static string Read(string file)
        {
            try
            {
                return File.ReadAllText(file);
            }
            catch (IOException)
            {
                return ""; // it has ended meanwhile
            }
        }
    }
}
