using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Macula.Actors.Bench.Quic;

/// <summary>A network where nobody else sends (network_namespaces(7)). It belongs to one thread: sockets that are opened and
/// processes that are started there are inside, whoever uses them later.</summary>
internal sealed partial class NetworkNamespace : IDisposable
{
    private const int NewNetwork = 0x40000000; // CLONE_NEWNET

    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    private NetworkNamespace()
    {
        _thread = new Thread(() =>
        {
            foreach (var work in _work.GetConsumingEnumerable()) work();
        })
        { IsBackground = true, Name = "network namespace" };
        _thread.Start();
    }

    /// <exception cref="InvalidOperationException">This machine does not let us; the message says what would.</exception>
    public static async Task<NetworkNamespace> CreateAsync()
    {
        var network = new NetworkNamespace();
        try
        {
            await network.RunAsync(() =>
            {
                if (Unshare(NewNetwork) != 0)
                    throw new InvalidOperationException(
                        $"no network namespace: unshare says {Marshal.GetLastPInvokeErrorMessage()}; run this as root, "
                        + "in a container with the capability SYS_ADMIN (docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN)");
                Run("ip", "link set dev lo up");
                return true;
            });
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Runs this inside; what it awaits may go on outside.</summary>
    public Task<T> RunAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    /// <summary>Packets are of Ethernet's size, and each is one: no offload joins them.</summary>
    public Task PlainPacketsAsync() => RunAsync(() =>
    {
        Run("ip", "link set dev lo mtu 1500 gso_max_segs 1");
        return true;
    });

    /// <summary>Bytes that have left so far, with the headers of IP, UDP or TCP and Ethernet.</summary>
    public Task<long> BytesSentAsync() => RunAsync(() =>
    {
        var lo = File.ReadLines("/proc/thread-self/net/dev")
            .First(line => line.TrimStart().StartsWith("lo:", StringComparison.Ordinal));
        return long.Parse(
            lo[(lo.IndexOf(':', StringComparison.Ordinal) + 1)..]
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[8],
            CultureInfo.InvariantCulture);
    });

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private static void Run(string program, string arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            var said = process.StandardError.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"'{program} {arguments}' failed in the namespace: {said.Trim()}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException(
                $"{program} cannot be started ({e.Message}); './build.sh setup' installs iproute2", e);
        }
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);
}
