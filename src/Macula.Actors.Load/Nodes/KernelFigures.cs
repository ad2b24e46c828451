using System.Globalization;

namespace Macula.Actors.Load.Nodes;

/// <summary>What Linux says of a node on this machine.</summary>
/// <param name="Resident">Resident set, bytes.</param>
/// <param name="CpuSeconds">User and system time since the start, in steps of 10 ms.</param>
/// <param name="Sockets">UDP sockets of the process.</param>
/// <param name="SocketQueues">Bytes that wait in their send and receive queues.</param>
/// <param name="SocketMemory">Kernel memory of all UDP sockets in the process's network namespace, bytes: this tool's
/// own are among them where it shares that.</param>
public sealed record KernelFigures(
    long Resident, double CpuSeconds, int Sockets, long SocketQueues, long SocketMemory)
{
    private const double TicksPerSecond = 100; // USER_HZ of every Linux that .NET runs on

    /// <summary>Null when there is no such process here, or no /proc.</summary>
    /// <param name="pid">The node's process id.</param>
    public static KernelFigures? Read(int pid)
    {
        var folder = Path.Combine("/proc", pid.ToString(CultureInfo.InvariantCulture));
        try
        {
            var inodes = Inodes(folder);
            var queues = Udp(folder, "udp").Concat(Udp(folder, "udp6")).Where(each => inodes.Contains(each.Inode))
                .Select(each => each.Queued).ToList();
            return new KernelFigures(
                Pages(folder), Cpu(folder), queues.Count, queues.Sum(), SocketPages(folder) * Environment.SystemPageSize);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long Pages(string folder) =>
        (long)Number(File.ReadAllText(Path.Combine(folder, "statm")).Split(' ')[1]) * Environment.SystemPageSize;

    // Fields after the name, which is in parentheses: 14 and 15 are user and system time (proc_pid_stat(5)).
    private static double Cpu(string folder)
    {
        var stat = File.ReadAllText(Path.Combine(folder, "stat"));
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond;
    }

    private static HashSet<long> Inodes(string folder)
    {
        const string prefix = "socket:[";
        HashSet<long> found = [];
        foreach (var handle in Directory.EnumerateFiles(Path.Combine(folder, "fd")))
        {
            var target = new FileInfo(handle).LinkTarget;
            if (target?.StartsWith(prefix, StringComparison.Ordinal) == true)
                found.Add((long)Number(target[prefix.Length..^1]));
        }

        return found;
    }

    // sl local remote st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ... (proc_pid_net(5))
    private static IEnumerable<(long Inode, long Queued)> Udp(string folder, string file)
    {
        var path = Path.Combine(folder, "net", file);
        if (!File.Exists(path)) yield break;
        foreach (var line in File.ReadLines(path).Skip(1))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 10) continue;
            var queues = fields[4].Split(':');
            yield return ((long)Number(fields[9]), Hex(queues[0]) + Hex(queues[1]));
        }
    }

    // "UDP: inuse 3 mem 5", pages.
    private static long SocketPages(string folder)
    {
        foreach (var line in File.ReadLines(Path.Combine(folder, "net", "sockstat")))
        {
            var fields = line.Split(' ');
            if (fields[0] == "UDP:" && Array.IndexOf(fields, "mem") is >= 0 and var at) return (long)Number(fields[at + 1]);
        }

        return 0;
    }

    private static long Hex(string text) => long.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
