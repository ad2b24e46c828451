using System.Text.RegularExpressions;
using Akka.Configuration;

namespace Macula.Actors.Configuration;

/// <summary>The settings tree <c>macula { ... }</c> and where its values come from.</summary>
/// <remarks>Authority falls from code over the environment and a file such as node.conf to <see cref="Reference"/>;
/// whoever puts a node together chains them with <see cref="Config.WithFallback"/>.</remarks>
public static partial class MaculaConfig
{
    private const string Resource = "Macula.Actors.reference.conf";
    private const string Prefix = "MACULA__";

    private static readonly Lazy<Config> Embedded = new(() => ConfigurationFactory.ParseString(ReferenceText));

    /// <summary>Every setting with its default: hocon/reference.conf, embedded in this assembly.</summary>
    public static Config Reference => Embedded.Value;

    /// <summary>The text of hocon/reference.conf, which documents every setting.</summary>
    public static string ReferenceText
    {
        get
        {
            using var stream = typeof(MaculaConfig).Assembly.GetManifestResourceStream(Resource)!;
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }

    /// <summary>A HOCON file.</summary>
    /// <exception cref="SettingsException">It cannot be read, or is no HOCON.</exception>
    public static Config FromFile(string path)
    {
        try
        {
            return ConfigurationFactory.ParseString(File.ReadAllText(path));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"The configuration file cannot be read: {fault.Message}");
        }
        catch (Exception fault) when (fault is FormatException or ConfigurationException or NullReferenceException)
        {
            // The parser has no exception of its own; a null is what it stumbles over at an include.
            throw new SettingsException($"The configuration file {path} is no HOCON: {fault.Message}");
        }
    }

    /// <summary>What environment variables say: <c>MACULA__CLIENTS__MAX_CLIENTS=1</c> is
    /// <c>macula.clients.max-clients = 1</c>. Variables without the prefix <c>MACULA__</c> mean nothing.</summary>
    public static Config FromEnvironment(IEnumerable<KeyValuePair<string, string>> variables) =>
        FromSettings(variables
            .Where(variable => variable.Key.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            .Select(variable => KeyValuePair.Create(
                variable.Key.Replace("__", ".", StringComparison.Ordinal).Replace('_', '-').ToLowerInvariant(),
                variable.Value)));

    /// <summary>Settings by their full path, such as <c>macula.clients.max-clients</c>; the last one wins.</summary>
    /// <exception cref="SettingsException">A path is none: it must be lower-case words with dots between.</exception>
    public static Config FromSettings(IEnumerable<KeyValuePair<string, string>> settings)
    {
        var pairs = settings.ToArray();
        string[] faults =
            [.. pairs.Where(pair => !Path().IsMatch(pair.Key)).Select(pair => $"{pair.Key} is no setting's name")];
        if (faults.Length > 0) throw new SettingsException(faults);

        return ConfigurationFactory.ParseString(
            string.Join('\n', pairs.Select(pair => $"{pair.Key} = \"{Escape(pair.Value)}\"")));
    }

    /// <summary>What is set that no setting of the reference is, a sentence each, with what was probably meant.
    /// Sections other than <c>macula</c> and <c>akka</c> are unknown too.</summary>
    public static IReadOnlyList<string> Unknown(Config config) => UnknownSettings.Find(config, Reference);

    private static string Escape(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);

    [GeneratedRegex(@"^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$")]
    private static partial Regex Path();
}
