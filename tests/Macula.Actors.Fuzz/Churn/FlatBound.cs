namespace Macula.Actors.Fuzz.Churn;

/// <summary>Says when the server has grown beyond what it had once it was warm.</summary>
internal sealed class FlatBound(Holdings warm)
{
    /// <summary>Share of a figure that it may grow by, beside <see cref="Slack"/>.</summary>
    private const double Share = 0.05;

    /// <summary>Bytes: code is still being compiled, and pages are the allocator's.</summary>
    private const long Slack = 4 << 20;

    /// <summary>The runtime opens some when it starts threads.</summary>
    private const int MoreHandles = 16;

    /// <returns>A sentence for each figure that is too large.</returns>
    public IEnumerable<string> Check(Holdings now)
    {
        foreach (var (what, before, after) in new[]
                 { ("native", warm.Native, now.Native), ("managed", warm.Managed, now.Managed) })
        {
            var most = (long)(before * (1 + Share)) + Slack;
            if (after > most)
                yield return $"{what} memory grew from {Mebibytes(before)} to {Mebibytes(after)}; allowed: {Mebibytes(most)}";
        }

        if (now.Handles > warm.Handles + MoreHandles)
            yield return $"handles grew from {warm.Handles} to {now.Handles}; allowed: {warm.Handles + MoreHandles}";
    }

    public static string Mebibytes(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:0.0} MiB");
}
