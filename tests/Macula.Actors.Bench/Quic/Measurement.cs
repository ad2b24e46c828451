using Macula.Actors.Bench.Wire;

namespace Macula.Actors.Bench.Quic;

/// <summary>What one transport did in one run.</summary>
/// <param name="Name">What it is, with its unit.</param>
/// <param name="Format">How it is written.</param>
internal readonly record struct Figure(string Name, string Format, bool MoreIsBetter, double Value)
{
    public static Figure Rate(string what, double perSecond) => new($"{what}/s", "N0", true, perSecond);

    public static Figure Speed(long bytes, TimeSpan time) => new("MB/s", "N0", true, bytes / time.TotalSeconds / 1e6);

    public static Figure Microseconds(string name, double time) => new($"{name}, us", "N0", false, time);

    public static Figure Bytes(string name, double bytes) => new($"{name}, bytes", "N0", false, bytes);

    public static Figure Kibibytes(string name, double bytes) => new($"{name}, KiB", "N1", false, bytes / 1024);

    /// <summary>Rate, times and the server's CPU of operations.</summary>
    public static IReadOnlyList<Figure> Of(string what, Measured measured) =>
    [
        Rate(what, measured.Rate), Microseconds("p50", measured.P50), Microseconds("p99", measured.P99),
        Microseconds("server CPU each", measured.NodeCpu!.Value),
    ];
}

/// <summary>Something that is measured on several transports, in one run one after another.</summary>
/// <param name="Name">Unique.</param>
/// <param name="Ours">With our provider.</param>
/// <param name="Raw">With the library's own programs; null when they cannot do it.</param>
/// <param name="Tls">With SslStream over TCP; null when it has no such thing.</param>
/// <param name="Goals">By the name of a figure: what to reach.</param>
/// <param name="Once">It is measured in the first run only, for it takes long and varies little.</param>
internal sealed record Measurement(
    string Name, Func<Task<IReadOnlyList<Figure>>> Ours, Func<Task<IReadOnlyList<Figure>>>? Raw,
    Func<Task<IReadOnlyList<Figure>>>? Tls, IReadOnlyDictionary<string, Goal> Goals, bool Once = false);

/// <summary>What a figure must reach; null: no such goal.</summary>
/// <param name="OfRaw">The least ratio to the raw library.</param>
/// <param name="OfTls">The least ratio to SslStream.</param>
/// <param name="Most">The highest value.</param>
internal sealed record Goal(double? OfRaw = null, double? OfTls = null, double? Most = null);
