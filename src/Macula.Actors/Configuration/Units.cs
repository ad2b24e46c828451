using System.Globalization;

namespace Macula.Actors.Configuration;

/// <summary>Times and sizes as people write them in settings.</summary>
internal static class Units
{
    private static readonly (string Unit, double Milliseconds)[] Times =
    [
        ("ms", 1), ("milliseconds", 1), ("s", 1_000), ("second", 1_000), ("seconds", 1_000),
        ("m", 60_000), ("minute", 60_000), ("minutes", 60_000), ("h", 3_600_000), ("hour", 3_600_000),
        ("hours", 3_600_000), ("d", 86_400_000), ("day", 86_400_000), ("days", 86_400_000),
    ];

    private static readonly (string Unit, double Bytes)[] Sizes =
    [
        ("", 1), ("B", 1), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
    ];

    /// <summary>A time; a number without unit is none, except 0.</summary>
    public static bool TryDuration(string text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        if (text == "0") return true;
        if (!TryParse(text, Times, out var milliseconds) || milliseconds > TimeSpan.MaxValue.TotalMilliseconds / 2)
            return false;

        value = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }

    public static bool TryBytes(string text, out long value)
    {
        var ok = TryParse(text, Sizes, out var bytes) && bytes <= long.MaxValue / 2 && bytes == Math.Floor(bytes);
        value = ok ? (long)bytes : 0;
        return ok;
    }

    public static string Show(TimeSpan time) => time switch
    {
        { Ticks: 0 } => "0",
        _ when time.Ticks % TimeSpan.TicksPerDay == 0 => $"{time.Days}d",
        _ when time.Ticks % TimeSpan.TicksPerHour == 0 => $"{time.TotalHours:0}h",
        _ when time.Ticks % TimeSpan.TicksPerMinute == 0 => $"{time.TotalMinutes:0}m",
        _ when time.Ticks % TimeSpan.TicksPerSecond == 0 => $"{time.TotalSeconds:0}s",
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds}ms"),
    };

    public static string Show(long bytes) => bytes switch
    {
        > 0 when bytes % (1 << 30) == 0 => $"{bytes >> 30}GiB",
        > 0 when bytes % (1 << 20) == 0 => $"{bytes >> 20}MiB",
        > 0 when bytes % (1 << 10) == 0 => $"{bytes >> 10}KiB",
        _ => $"{bytes}B",
    };

    private static bool TryParse(string text, (string Unit, double Factor)[] units, out double value)
    {
        value = 0;
        var digits = text.TakeWhile(letter => char.IsAsciiDigit(letter) || letter == '.').Count();
        var unit = text[digits..].Trim();
        var known = Array.FindIndex(units, entry => entry.Unit == unit);
        if (known < 0 || !double.TryParse(
                text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            return false;

        value = number * units[known].Factor;
        return true;
    }
}
