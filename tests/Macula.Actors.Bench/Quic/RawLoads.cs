using System.Diagnostics;

namespace Macula.Actors.Bench.Quic;

/// <summary>What gtlsclient does to gtlsserver.</summary>
internal static class RawLoads
{
    private const int Handshakes = 300;
    private const int AtOnce = 2; // as many as the machine has cores, for each is a process

    /// <summary>Only the server's CPU can be compared: most of a client's time is the start of its process.</summary>
    public static async Task<IReadOnlyList<Figure>> HandshakesAsync()
    {
        using var raw = RawLibrary.Start(bigFile: 1);
        await raw.GetAsync(RawLibrary.SmallFile, Windows.Default);
        var before = raw.Usage.Cpu;
        await Parallel.ForAsync(
            0, Handshakes, new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (_, _) => await raw.GetAsync(RawLibrary.SmallFile, Windows.Default));
        return [Figure.Microseconds("server CPU each", (raw.Usage.Cpu - before).TotalMicroseconds / Handshakes)];
    }

    /// <summary>A download, less the time of a client that downloads a byte.</summary>
    public static async Task<IReadOnlyList<Figure>> DownloadAsync(Windows windows, long size)
    {
        using var raw = RawLibrary.Start(size);
        await TimeAsync(RawLibrary.SmallFile); // finds the programs in the page cache from here on
        var small = await TimeAsync(RawLibrary.SmallFile);
        var before = raw.Usage.Cpu;
        var big = await TimeAsync(RawLibrary.BigFile);
        var cpu = raw.Usage.Cpu - before;
        return
        [
            Figure.Speed(size, big - small),
            Figure.Microseconds("server CPU a MB", cpu.TotalMicroseconds / size * 1e6),
        ];

        async Task<TimeSpan> TimeAsync(string file)
        {
            var start = Stopwatch.GetTimestamp();
            await raw.GetAsync(file, windows);
            return Stopwatch.GetElapsedTime(start);
        }
    }
}
