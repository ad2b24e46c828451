using Macula.Actors.Bench.Wire;

namespace Macula.Actors.Bench.Quic;

/// <summary>What a handshake and a download put on the wire, both ways, headers of IP included: counted in a network
/// namespace with the packets of Ethernet.</summary>
internal static class WireBytes
{
    public const int Size = 16 * 1024 * 1024;

    public static async Task<IReadOnlyList<Figure>> OursAsync() => await ServedAsync("ngtcp2", server =>
        QuicBed.Dialer(server, Windows.Default));

    public static async Task<IReadOnlyList<Figure>> TlsAsync() => await ServedAsync(
        "tls", server => new TlsDialer(server.EndPoint, server.Fingerprint));

    public static async Task<IReadOnlyList<Figure>> RawAsync()
    {
        using var network = await NetworkNamespace.CreateAsync();
        await network.PlainPacketsAsync();
        using var raw = await network.RunAsync(() => RawLibrary.Start(Size));
        var empty = await network.BytesSentAsync();
        await network.RunAsync(() =>
        {
            raw.GetAsync(RawLibrary.BigFile, Windows.Default).GetAwaiter().GetResult();
            return true;
        });
        return [Figure.Bytes("a MB", (await network.BytesSentAsync() - empty) * 1e6 / Size)];
    }

    // Blocks the namespace's thread while it connects: a socket belongs to the namespace of the thread that opens it.
    private static async Task<IReadOnlyList<Figure>> ServedAsync(string kind, Func<MeasuredServer, IDialer> dial)
    {
        using var network = await NetworkNamespace.CreateAsync();
        await network.PlainPacketsAsync();
        await using var server = await network.RunAsync(() => ServerCommand.Start(kind, Windows.Default));
        var empty = await network.BytesSentAsync();
        await using (var link = await network.RunAsync(() => dial(server).ConnectAsync().GetAwaiter().GetResult()))
            await Loads.FetchAsync(await link.OpenAsync(), Size);
        return [Figure.Bytes("a MB", (await network.BytesSentAsync() - empty) * 1e6 / Size)];
    }
}
