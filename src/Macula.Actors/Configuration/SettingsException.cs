using Akka.Configuration;

namespace Macula.Actors.Configuration;

/// <summary>The configuration cannot work. Carries every fault, not only the first.</summary>
public sealed class SettingsException : ConfigurationException
{
    public SettingsException(params IReadOnlyList<string> faults)
        : base(string.Join(Environment.NewLine, faults)) => Faults = faults;

    /// <summary>One sentence each: key, value, what is allowed.</summary>
    public IReadOnlyList<string> Faults { get; }
}
