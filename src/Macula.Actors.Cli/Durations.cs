using System.CommandLine.Parsing;
using System.Globalization;

namespace Macula.Actors.Cli;

/// <summary>Times as people write them: <c>500ms</c>, <c>2s</c>, <c>1.5m</c>, <c>1h</c>; a bare
/// number is seconds.</summary>
internal static class Durations
{
    private static readonly (string Unit, TimeSpan Length)[] Units =
    [
        ("ms", TimeSpan.FromMilliseconds(1)), ("s", TimeSpan.FromSeconds(1)),
        ("m", TimeSpan.FromMinutes(1)), ("h", TimeSpan.FromHours(1)),
    ];

    public static bool TryParse(string text, out TimeSpan time)
    {
        time = default;
        var digits = text.AsSpan().TrimEnd("abcdefghijklmnopqrstuvwxyz");
        var name = text[digits.Length..];
        var unit = Array.Find(Units, each => each.Unit == (name.Length > 0 ? name : "s"));
        if (unit.Unit is null) return false;
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count))
            return false;
        if (count * unit.Length.TotalDays > 1) return false;

        time = count * unit.Length;
        return true;
    }

    /// <summary>A parser for an option whose value is from 1 ms to 1 day.</summary>
    public static Func<ArgumentResult, TimeSpan?> Parser(string option) => result =>
    {
        var text = result.Tokens is [{ Value: var value }] ? value : "";
        if (TryParse(text, out var time) && time >= TimeSpan.FromMilliseconds(1)) return time;

        result.AddError($"{option} is '{text}'; allowed: 1ms to 24h, such as 500ms, 2s, 1.5m");
        return null;
    };
}
