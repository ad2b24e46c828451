using Akka.Configuration;

namespace Macula.Actors.Configuration;

/// <summary>The settings tree <c>macula { ... }</c> and where its values come from.</summary>
/// <remarks>Authority falls from code over environment and node.conf to <see cref="Reference"/>.</remarks>
public static class MaculaConfig
{
    private const string Resource = "Macula.Actors.reference.conf";

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
}
