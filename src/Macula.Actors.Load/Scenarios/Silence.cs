using System.Globalization;

namespace Macula.Actors.Load.Scenarios;

/// <summary>How long a node takes to notice a client that went without a word: QUIC's idle time-out.</summary>
internal static class Silence
{
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(30); // the node's default
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(2);

    /// <summary>What the node is started with; a node that is given is thought to have the default.</summary>
    public static TimeSpan Of(LoadOptions options) =>
        options.Target is null && options.Time is { } time ? TimeSpan.FromTicks(Math.Clamp(time.Ticks, Least.Ticks, Usual.Ticks)) : Usual;

    /// <summary>The settings for that.</summary>
    public static IEnumerable<string> Settings(LoadOptions options)
    {
        var time = Of(options).TotalMilliseconds;
        return
        [
            string.Create(CultureInfo.InvariantCulture, $"macula.quic.idle-timeout={time:0}ms"),
            string.Create(CultureInfo.InvariantCulture, $"macula.quic.keep-alive-interval={time / 3:0}ms"),
        ];
    }
}
