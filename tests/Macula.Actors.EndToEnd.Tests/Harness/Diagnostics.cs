using System.Diagnostics;
using System.Text.Json;
using Macula.Actors.EndToEnd.Worker;
using Macula.Actors.Protocol;

namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>Asks the node about itself.</summary>
internal static class Diagnostics
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>The size of each bounded table of the node.</summary>
    public static async Task<IReadOnlyDictionary<string, long>> TablesAsync(RawClient asker)
    {
        var call = new CallMessage("com.macula.diagnostics.tables", "{}"u8.ToArray(), CallId.Random());
        await asker.SendAsync(call.ToFrame());
        var reply = (await asker.ReadAsync() ?? throw new EndOfStreamException()).Reply();
        Assert.Equal(call.CallId, reply.CallId);
        Assert.Null(reply.Error);

        using var answer = JsonDocument.Parse(reply.Result);
        return answer.RootElement.GetProperty("tables").EnumerateObject()
            .ToDictionary(table => table.Name, table => table.Value.GetProperty("size").GetInt64());
    }

    /// <summary>Asks until the tables are as before, or the time is over; then says what is left.</summary>
    public static async Task AssertReturnToAsync(
        RawClient asker, IReadOnlyDictionary<string, long> before, TimeSpan patience)
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(Interval);
        while (true)
        {
            var now = await TablesAsync(asker);
            if (now.All(table => before[table.Key] == table.Value)) return;
            if (Stopwatch.GetElapsedTime(started) > patience) Assert.Equal(Sorted(before), Sorted(now));
            await timer.WaitForNextTickAsync();
        }
    }

    private static string Sorted(IReadOnlyDictionary<string, long> tables) =>
        string.Join("\n", tables.OrderBy(table => table.Key, StringComparer.Ordinal)
            .Select(table => $"{table.Key} {table.Value}"));
}
