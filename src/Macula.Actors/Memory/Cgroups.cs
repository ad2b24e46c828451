using System.Globalization;
using System.Text.RegularExpressions;

namespace Macula.Actors.Memory;

/// <summary>Finds the memory limit of this process's control groups, version 1 or 2 or both at once.</summary>
/// <remarks>A group's limit holds for all below it, so the smallest on the way up to the mount counts. Where the files are is
/// found once, what they say is read each time: an orchestrator may change the limit of a running container.</remarks>
/// <param name="root">Where <c>proc</c> and the mounts are.</param>
internal sealed partial class Cgroups(string root)
{
    private readonly string[] _files = [.. Find(root).Distinct().Where(File.Exists)];

    /// <summary>Bytes; null when there is no limit. Of version 1, "no limit" is a number above every machine's memory.
    /// </summary>
    public long? Limit()
    {
        long? least = null;
        foreach (var file in _files)
            if (long.TryParse(KernelFile.Numbers(file), CultureInfo.InvariantCulture, out var bytes) && bytes > 0)
                least = Math.Min(least ?? long.MaxValue, bytes); // else it says "max", or is not there
        return least;
    }

    private static IEnumerable<string> Find(string root)
    {
        var mounts = KernelFile.Lines(Path.Join(root, "proc/self/mountinfo"));
        foreach (var line in KernelFile.Lines(Path.Join(root, "proc/self/cgroup")))
        {
            // hierarchy:controllers:path, where the path may hold colons too
            if (line.Split(':', 3) is not [var hierarchy, var controllers, var path]) continue;
            var isTwo = hierarchy == "0" && controllers.Length == 0;
            if (!isTwo && !controllers.Split(',').Contains("memory")) continue;

            foreach (var mount in mounts)
                if (TryFind(mount, isTwo, out var mounted, out var folder))
                    foreach (var each in Upwards(folder, Below(mounted, path)))
                        yield return Path.Join(root, each, isTwo ? "memory.max" : "memory.limit_in_bytes");
        }
    }

    private static IEnumerable<string> Upwards(string mount, string below)
    {
        var folder = mount;
        yield return folder; // its root has no limit, unless it is a container's
        foreach (var part in below.Split('/', StringSplitOptions.RemoveEmptyEntries))
            yield return folder = Path.Join(folder, part);
    }

    // id parent major:minor root mountpoint options [tags] - type source superoptions
    private static bool TryFind(string mount, bool isTwo, out string mounted, out string folder)
    {
        (mounted, folder) = ("", "");
        if (mount.Split(" - ", 2) is not [var left, var right]) return false;
        if (left.Split(' ') is not [_, _, _, var within, var point, ..]) return false;
        if (right.Split(' ') is not [var type, _, var options, ..]) return false;
        if (type != (isTwo ? "cgroup2" : "cgroup")) return false;
        if (!isTwo && !options.Split(',').Contains("memory")) return false;

        (mounted, folder) = (Unescape(within), Unescape(point));
        return true;
    }

    // The group below what is mounted. In a container the path may be the host's, which is not below: then what is
    // mounted is the group.
    private static string Below(string mounted, string path)
    {
        if (mounted == "/") return path.StartsWith("/..", StringComparison.Ordinal) ? "" : path;
        return path.StartsWith(mounted + "/", StringComparison.Ordinal) ? path[mounted.Length..] : "";
    }

    private static string Unescape(string text) => Octal().Replace(
        text, match => ((char)Convert.ToInt32(match.Groups[1].Value, 8)).ToString());

    [GeneratedRegex(@"\\([0-7]{3})")]
    private static partial Regex Octal();
}
