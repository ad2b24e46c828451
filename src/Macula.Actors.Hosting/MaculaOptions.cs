using System.Collections;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Transport;

namespace Macula.Actors.Hosting;

/// <summary>What code says about a node. It wins over the environment, which wins over <see cref="ConfigFile"/>,
/// which wins over reference.conf; what is not said here is left to them.</summary>
public sealed class MaculaOptions
{
    private readonly Dictionary<string, string> _settings = [];

    /// <summary>What <see cref="Set"/> and the properties have set, by full path.</summary>
    public IReadOnlyDictionary<string, string> Settings => _settings;

    /// <summary>A HOCON file such as hocon/node.conf. Default: none.</summary>
    public string? ConfigFile { get; set; }

    /// <summary>The environment variables that count. Default: those of the process.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; set; } = OfProcess();

    /// <summary><c>macula.realm</c>.</summary>
    public string? Realm { get => Get("macula.realm"); set => Set("macula.realm", value); }

    /// <summary><c>macula.node-id</c>.</summary>
    public string? NodeId { get => Get("macula.node-id"); set => Set("macula.node-id", value); }

    /// <summary><c>macula.data-directory</c>.</summary>
    public string? DataDirectory { get => Get("macula.data-directory"); set => Set("macula.data-directory", value); }

    /// <summary><c>macula.quic.listen</c>: addresses and ports with commas between.</summary>
    public string? Listen { get => Get("macula.quic.listen"); set => Set("macula.quic.listen", value); }

    /// <summary>A QUIC of one's own in place of the one that <c>macula.quic.provider</c> selects, such as the memory
    /// provider in tests.</summary>
    public IQuicProvider? Provider { get; set; }

    /// <summary>A certificate with its key, in place of files and the development certificate. Not disposed.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>Sets any setting by its full path, such as <c>macula.clients.max-clients</c>; null takes it back.
    /// </summary>
    public MaculaOptions Set(string path, string? value)
    {
        if (value is null) _settings.Remove(path);
        else _settings[path] = value;
        return this;
    }

    private string? Get(string path) => _settings.GetValueOrDefault(path);

    private static Dictionary<string, string> OfProcess() => System.Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "");
}
