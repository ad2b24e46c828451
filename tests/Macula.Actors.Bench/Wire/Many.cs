namespace Macula.Actors.Bench.Wire;

/// <summary>Many connections at once, but not all at once.</summary>
internal static class Many
{
    public const int AtATime = 32;

    public static async Task<IReadOnlyList<T>> ConnectAsync<T>(int count, Func<Task<T>> connect)
    {
        var all = new T[count];
        await Parallel.ForAsync(
            0, count, new ParallelOptions { MaxDegreeOfParallelism = AtATime },
            async (i, _) => all[i] = await connect());
        return all;
    }

    public static Task DisposeAsync<T>(IReadOnlyList<T> all)
        where T : IAsyncDisposable =>
        Parallel.ForEachAsync(
            all, new ParallelOptions { MaxDegreeOfParallelism = AtATime },
            async (each, _) => await each.DisposeAsync());
}
