namespace Macula.Actors.Client.Internal;

/// <summary>How long to wait before an attempt: full jitter, so that the clients of a lost gateway
/// do not come back as a crowd.</summary>
internal static class BackOff
{
    /// <param name="options">Initial and longest wait.</param>
    /// <param name="attempt">From 0.</param>
    /// <param name="wait">What the server asked for; jitter comes on top.</param>
    public static TimeSpan Delay(MaculaClientOptions options, int attempt, TimeSpan wait)
    {
        var doubled = options.ReconnectInitial * Math.Pow(2, Math.Min(attempt, 30));
        var most = doubled < options.ReconnectMax ? doubled : options.ReconnectMax;
        return most * options.Random.NextDouble() + wait;
    }
}
