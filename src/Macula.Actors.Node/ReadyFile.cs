using System.Text.Json;
using Macula.Actors.Hosting;

namespace Macula.Actors.Node;

/// <summary>Tells a script or a test that the node listens, and where.</summary>
internal static class ReadyFile
{
    /// <summary>Writes one line of JSON; whoever sees the file sees all of it.</summary>
    public static async Task WriteAsync(string path, MaculaNodeInfo node)
    {
        var line = JsonSerializer.Serialize(new
        {
            listening = node.Listening.Select(endPoint => endPoint.ToString()),
            fingerprint = node.Fingerprint,
            realm = node.Realm,
            node_id = node.NodeId,
            pid = Environment.ProcessId,
        });

        try
        {
            var draft = $"{path}.{Environment.ProcessId}";
            await File.WriteAllTextAsync(draft, line + "\n");
            File.Move(draft, path, overwrite: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MaculaStartException($"the ready file {path} cannot be written: {fault.Message}", fault);
        }
    }
}
