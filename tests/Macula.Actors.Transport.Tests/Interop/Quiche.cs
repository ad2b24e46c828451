using System.Text.Json;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>quiche through npm's @matrixai/quic: tests/interop-quiche/peer.mjs, which says what may be ordered.</summary>
internal sealed class Quiche(ITestOutputHelper test, params IEnumerable<string> arguments)
    : Peer(test, "node", [Script(), .. arguments])
{
    public static async Task<Quiche> Connect(ITestOutputHelper test, int port, object options)
    {
        var quiche = Dial(test, port, options);
        await quiche.Tells("connected");
        return quiche;
    }

    /// <summary>A client whose handshake is not waited for.</summary>
    public static Quiche Dial(ITestOutputHelper test, int port, object options) =>
        new(test, "client", $"{port}", JsonSerializer.Serialize(options));

    public static async Task<(Quiche Server, int Port)> Listen(ITestOutputHelper test, object options)
    {
        var quiche = new Quiche(test, "server", JsonSerializer.Serialize(options));
        var line = await quiche.Tells("listening");
        return (quiche, int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    private static string Script()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Macula.Actors.sln")))
            folder = folder.Parent
                ?? throw new DirectoryNotFoundException($"no Macula.Actors.sln above {AppContext.BaseDirectory}");
        var interop = Path.Combine(folder.FullName, "tests", "interop-quiche");
        return Directory.Exists(Path.Combine(interop, "node_modules", "@matrixai", "quic"))
            ? Path.Combine(interop, "peer.mjs")
            : throw new DirectoryNotFoundException(
                $"quiche is not installed; run: npm ci --prefix {interop}   (./build.sh setup does)");
    }
}
