using System.Text.Json;

namespace Macula.Actors.Protocol.Tests;

/// <summary>The rows of tests/vectors: bytes that the reference made or judged.</summary>
internal static class GoldenVectors
{
    public static readonly string[] FrameFiles =
    [
        "frames_control", "frames_dht", "frames_large", "frames_pubsub", "frames_quirks",
        "frames_random", "frames_rpc", "frames_rpc_route", "frames_swim",
    ];

    /// <summary>The rows of a file, in order.</summary>
    public static IReadOnlyList<JsonElement> Rows(string file)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "vectors", file + ".json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. document.RootElement.GetProperty("vectors").Clone().EnumerateArray()];
    }

    public static IEnumerable<JsonElement> Frames() => FrameFiles.SelectMany(Rows);

    public static string Text(this JsonElement row, string name) =>
        row.GetProperty(name).GetString()!;

    public static byte[] Bytes(this JsonElement row, string name) =>
        Convert.FromHexString(row.Text(name));

    public static bool Has(this JsonElement row, string name) => row.TryGetProperty(name, out _);
}
