using Macula.Actors.Protocol;

namespace Macula.Actors.Hosting;

/// <summary>The name of this node: configured, from NODE_NAME, or random and kept.</summary>
public static class NodeIdentity
{
    private const string FileName = "node-id";

    /// <summary>The node's id. A random one survives restarts in the data directory.</summary>
    /// <exception cref="MaculaStartException">NODE_NAME is no id, or the id can neither be read nor kept.</exception>
    public static NodeId Resolve(MaculaSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.NodeId is { } configured) return configured;
        if (settings.Options.Environment.GetValueOrDefault("NODE_NAME") is { Length: > 0 } name)
            return NodeId.TryParse(name, out var named)
                ? named
                : throw new MaculaStartException($"NODE_NAME is '{name}'; allowed: 1 to 255 bytes");

        NodeFolder.Ensure(settings.DataDirectory);
        return Keep(Path.Combine(settings.DataDirectory, FileName));
    }

    /// <summary>The node's id as text, for people and logs.</summary>
    /// <inheritdoc cref="Resolve"/>
    public static string Name(MaculaSettings settings) => Resolve(settings).ToString();

    private static NodeId Keep(string file)
    {
        try
        {
            return NodeId.TryParse(KeptFile.ReadOrCreate(file, () => $"{NodeId.Random()}"), out var kept)
                ? kept
                : throw new MaculaStartException($"{file} holds no node id; mend or delete it");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MaculaStartException($"the node's id cannot be kept in {file}: {fault.Message}", fault);
        }
    }
}
