using System.Globalization;

namespace Macula.Actors.Load.Reporting;

/// <summary>Figures as people read them.</summary>
public static class Units
{
    private const double Kibi = 1024;

    /// <summary>Such as <c>312 MiB</c>.</summary>
    public static string Bytes(double bytes) => Math.Abs(bytes) switch
    {
        < Kibi => Text(bytes, "0 'B'"),
        < Kibi * Kibi => Text(bytes / Kibi, "0.0 'KiB'"),
        < Kibi * Kibi * Kibi => Text(bytes / Kibi / Kibi, "0.0 'MiB'"),
        _ => Text(bytes / Kibi / Kibi / Kibi, "0.00 'GiB'"),
    };

    /// <summary>Such as <c>1.3 ms</c>.</summary>
    public static string Microseconds(double time) => time switch
    {
        < 1000 => Text(time, "0 'us'"),
        < 100_000 => Text(time / 1000, "0.0 'ms'"),
        < 1_000_000 => Text(time / 1000, "0 'ms'"),
        _ => Text(time / 1_000_000, "0.00 's'"),
    };

    /// <summary>A figure with its unit.</summary>
    public static string Of(Figure figure)
    {
        ArgumentNullException.ThrowIfNull(figure);
        return figure.Unit switch
        {
            "B" => Bytes(figure.Value),
            "us" => Microseconds(figure.Value),
            "" => Count(figure.Value),
            _ => $"{Count(figure.Value)} {figure.Unit}",
        };
    }

    /// <summary>With thousands apart; small ones with two digits after the point.</summary>
    public static string Count(double value) => Text(value, Math.Abs(value) < 100 ? "0.##" : "N0");

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
