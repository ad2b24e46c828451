using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Bench.Wire;
using Macula.Actors.Fuzz;

namespace Macula.Actors.Bench.Quic;

/// <summary>The library without us: gtlsserver of Debian's ngtcp2-server, and gtlsclient of ngtcp2-client, which speak
/// HTTP/3. Each use of the client is a process.</summary>
internal sealed class RawLibrary : IDisposable
{
    public const string BigFile = "big";
    public const string SmallFile = "small";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder;
    private readonly Process _server;
    private readonly int _port;

    private RawLibrary(DirectoryInfo folder, Process server, int port) =>
        (_folder, _server, _port) = (folder, server, port);

    public Usage Usage => Wire.Usage.Of(_server);

    /// <summary>Started on the caller's thread, so in its network namespace; waits until it listens.</summary>
    /// <param name="bigFile">Bytes of the file to download.</param>
    public static RawLibrary Start(long bigFile)
    {
        var folder = Directory.CreateTempSubdirectory("macula-bench-");
        Process? server = null;
        try
        {
            using var certificate = Certificates.Create();
            var (key, leaf) = (Path.Combine(folder.FullName, "key.pem"), Path.Combine(folder.FullName, "leaf.pem"));
            File.WriteAllText(key, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
            File.WriteAllText(leaf, certificate.ExportCertificatePem());
            var files = folder.CreateSubdirectory("files");
            File.WriteAllText(Path.Combine(files.FullName, SmallFile), "x");
            using (var big = File.Create(Path.Combine(files.FullName, BigFile))) big.SetLength(bigFile);

            var port = ServerProbe.FreePort();
            server = Run("gtlsserver", "-q", "-d", files.FullName, "127.0.0.1", $"{port}", key, leaf);
            ServerProbe.WaitFor(port, Patience);
            return new RawLibrary(folder, server, port);
        }
        catch
        {
            End(server, folder);
            throw;
        }
    }

    /// <summary>A handshake and one request, by a new client process.</summary>
    public async Task GetAsync(string file, Windows windows)
    {
        using var client = Run(
            "gtlsclient", "-q", "--no-http-dump", "--exit-on-all-streams-close", $"--max-data={windows.Connection}",
            $"--max-stream-data-bidi-local={windows.Stream}", "127.0.0.1", $"{_port}", $"https://localhost/{file}");
        await client.WaitForExitAsync().WaitAsync(Patience);
        if (client.ExitCode != 0) throw new InvalidOperationException($"gtlsclient ended with code {client.ExitCode}");
    }

    public void Dispose() => End(_server, _folder);

    private static void End(Process? server, DirectoryInfo folder)
    {
        server?.Kill();
        server?.WaitForExit();
        server?.Dispose();
        folder.Delete(recursive: true);
    }

    private static Process Run(string program, params string[] arguments)
    {
        try
        {
            var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return process;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException(
                $"{program} cannot be started ({e.Message}); './build.sh setup' installs ngtcp2-client and ngtcp2-server", e);
        }
    }
}
