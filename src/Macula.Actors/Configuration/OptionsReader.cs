using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace Macula.Actors.Configuration;

/// <summary>Reads the settings of one section and collects every fault, so that all are told at once.</summary>
/// <remarks>
/// A faulty setting reads as the lower end of its range (or as empty) until <see cref="ThrowIfFaulty"/>, which
/// whoever reads must call before using what was read. Settings that <paramref name="config"/> lacks come from
/// <see cref="MaculaConfig.Reference"/>; there are no defaults in C#.
/// </remarks>
/// <param name="config">The whole configuration, from its root.</param>
/// <param name="section">The path of the section, such as <c>macula.clients</c>.</param>
public sealed class OptionsReader(Config config, string section)
{
    private readonly Config _config =
        ReferenceEquals(config, MaculaConfig.Reference) ? config : config.WithFallback(MaculaConfig.Reference);
    private readonly List<string> _faults = [];

    /// <summary>What was wrong so far, a sentence each.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>A whole number from <paramref name="min"/> to <paramref name="max"/>, both allowed.</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "Named after what it returns, as in Config.GetInt.")]
    public int Int(string key, int min, int max = int.MaxValue)
    {
        var text = Text(key);
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max)
            return value;

        Fault(key, text, $"a whole number from {min} to {max}");
        return min;
    }

    /// <summary>A time with its unit, such as <c>500ms</c>, <c>30s</c>, <c>5m</c> or <c>1h</c>.</summary>
    public TimeSpan Duration(string key, TimeSpan min, TimeSpan max)
    {
        var text = Text(key);
        if (Units.TryDuration(text, out var value) && value >= min && value <= max) return value;

        Fault(key, text, $"a time with its unit (ms, s, m, h, d) from {Units.Show(min)} to {Units.Show(max)}");
        return min;
    }

    /// <summary>A number of bytes, with or without a unit: <c>4KiB</c> is 4,096, <c>4kB</c> is 4,000.</summary>
    public int Size(string key, int min, int max = int.MaxValue) => (int)LongSize(key, min, max);

    /// <summary>As <see cref="Size"/>, for what may be larger than a buffer.</summary>
    public long LongSize(string key, long min, long max)
    {
        var text = Text(key);
        if (Units.TryBytes(text, out var value) && value >= min && value <= max) return value;

        var units = max <= int.MaxValue ? "B, kB, KiB, MB, MiB" : "B, kB, KiB, MB, MiB, GB, GiB";
        Fault(key, text, $"a size ({units}) from {Units.Show(min)} to {Units.Show(max)}");
        return min;
    }

    /// <summary><c>on</c>, <c>true</c> or <c>yes</c>; <c>off</c>, <c>false</c> or <c>no</c>.</summary>
    public bool Bool(string key)
    {
        var text = Text(key);
        if (text is "on" or "true" or "yes") return true;
        if (text is not ("off" or "false" or "no")) Fault(key, text, "on or off");
        return false;
    }

    /// <summary>A word of an enum, in kebab-case: <c>drop-oldest</c> is <c>DropOldest</c>.</summary>
    public T Enum<T>(string key)
        where T : struct, Enum
    {
        var text = Text(key);
        foreach (var value in System.Enum.GetValues<T>())
            if (Kebab(value.ToString()) == text)
                return value;

        Fault(key, text, $"one of {string.Join(", ", System.Enum.GetNames<T>().Select(Kebab))}");
        return default;
    }

    /// <summary>Any text, the empty one included.</summary>
    public string Text(string key)
    {
        var value = Value(key);
        if (value is null) return "";
        if (value.IsString()) return value.GetString()?.Trim() ?? "";

        Fault(key, value.ToString(), "a single value");
        return "";
    }

    /// <summary>A list, or one text with commas between the items, as environment variables have it.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        var value = Value(key);
        if (value is null) return [];
        if (value.Values.Any(part => part is HoconArray)) return [.. value.GetStringList()]; // IsArray misses []
        if (value.IsString())
            return value.GetString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

        Fault(key, value.ToString(), "a list");
        return [];
    }

    /// <summary>Adds a fault that only the reader's owner can see, such as one between two settings.</summary>
    public void Fault(string key, string? value, string allowed)
    {
        if (!_faults.Exists(fault => fault.StartsWith($"{Path(key)} ", StringComparison.Ordinal)))
            _faults.Add($"{Path(key)} is '{value}'; allowed: {allowed}");
    }

    /// <exception cref="SettingsException">Anything was wrong; it lists everything that was.</exception>
    public void ThrowIfFaulty()
    {
        if (_faults.Count > 0) throw new SettingsException([.. _faults]);
    }

    private HoconValue? Value(string key)
    {
        // A plain value where a section belongs hides the section's defaults; it is told as a fault of its own.
        foreach (var config in (Config[])[_config, MaculaConfig.Reference])
            if (config.HasPath(Path(key)))
                return config.GetValue(Path(key));

        _faults.Add($"{Path(key)} is missing");
        return null;
    }

    private string Path(string key) => $"{section}.{key}";

    private static string Kebab(string name) => string.Concat(name.Select((letter, at) =>
        char.IsUpper(letter) ? (at > 0 ? "-" : "") + char.ToLowerInvariant(letter) : letter.ToString()));
}
