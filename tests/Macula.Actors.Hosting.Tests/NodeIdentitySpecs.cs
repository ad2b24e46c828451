using Macula.Actors.Protocol;

namespace Macula.Actors.Hosting.Tests;

public sealed class NodeIdentitySpecs : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _environment = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("Defect", "D43")]
    public void A_random_id_survives_restarts()
    {
        var first = Resolve();

        Assert.Equal(NodeId.DefaultLength, first.Span.Length);
        Assert.Equal(first, Resolve());
        Assert.Equal(["node-id"], Directory.GetFiles(Data).Select(Path.GetFileName));
    }

    [Fact]
    [Trait("Defect", "D43")]
    public void The_configured_id_wins_over_NODE_NAME_and_that_over_the_kept_one()
    {
        var kept = Resolve();
        _environment["NODE_NAME"] = "of-the-environment";

        Assert.Equal(NodeId.Parse("of-the-environment"), Resolve());
        Assert.Equal(NodeId.Parse("as-set"), Resolve("as-set"));
        _environment.Clear();
        Assert.Equal(kept, Resolve());
    }

    [Fact]
    public void A_damaged_file_stops_the_start_rather_than_change_who_the_node_is()
    {
        Directory.CreateDirectory(Data);
        File.WriteAllText(Path.Combine(Data, "node-id"), "");

        Assert.Contains("mend or delete", Assert.Throws<MaculaStartException>(() => Resolve()).Message);
    }

    [Fact]
    public void The_data_directory_is_for_its_owner_alone()
    {
        Resolve();

        if (!OperatingSystem.IsWindows())
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Data));
    }

    private string Data => Path.Combine(_folder.Path, "data");

    private NodeId Resolve(string? configured = null) => NodeIdentity.Resolve(MaculaSettings.Load(
        new MaculaOptions { Environment = _environment, DataDirectory = Data, NodeId = configured }));
}
