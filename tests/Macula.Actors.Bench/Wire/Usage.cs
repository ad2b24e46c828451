using System.Diagnostics;
using System.Globalization;

namespace Macula.Actors.Bench.Wire;

/// <summary>What a process has used so far, as Linux counts it.</summary>
/// <param name="Cpu">User and system time of all threads; steps of 10 ms.</param>
/// <param name="Memory">Resident set now, bytes.</param>
internal readonly record struct Usage(TimeSpan Cpu, long Memory)
{
    private const double TicksPerSecond = 100; // USER_HZ of every Linux that .NET runs on

    public static Usage Own() => new(Environment.CpuUsage.TotalTime, Environment.WorkingSet);

    public static Usage Of(Process process)
    {
        // Fields after the name, which is in parentheses: 14 and 15 are user and system time (proc_pid_stat(5)).
        var stat = File.ReadAllText($"/proc/{process.Id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var cpu = TimeSpan.FromSeconds((Number(fields[11]) + Number(fields[12])) / TicksPerSecond);
        var resident = File.ReadLines($"/proc/{process.Id}/status")
            .First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return new Usage(cpu, (long)Number(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
