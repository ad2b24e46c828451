namespace Macula.Actors.Client.Internal;

/// <summary>How long to wait before an attempt: full jitter, so that the clients of a lost gateway
/// do not come back as a crowd.</summary>
internal static class BackOff
{
    /// <param name="options">Initial and longest wait.</param>
    /// <param name="attempt">From 0.</param>
    /// <param name="retryAfter">What the gateway asked for; jitter comes on top.</param>
    public static TimeSpan Delay(MaculaClientOptions options, int attempt, TimeSpan? retryAfter)
    {
        var doubled = options.ReconnectInitial * Math.Pow(2, Math.Min(attempt, 30));
        var most = doubled < options.ReconnectMax ? doubled : options.ReconnectMax;
        return most * options.Random.NextDouble() + (retryAfter ?? TimeSpan.Zero);
    }
}
