namespace Macula.Actors.Cli.Tests;

/// <summary>The tool stands on the client; it needs neither a node nor actors.</summary>
public sealed class ReferenceSpecs
{
    [Fact]
    public void Of_ours_the_tool_refers_to_client_load_protocol_and_transport_and_never_to_Akka()
    {
        var references = typeof(MaculaCommand).Assembly.GetReferencedAssemblies()
            .Select(reference => reference.Name!)
            .Where(name => name.StartsWith("Macula", StringComparison.Ordinal) ||
                name.StartsWith("Akka", StringComparison.Ordinal));

        Assert.Equal(
            ["Macula.Actors.Client", "Macula.Actors.Load", "Macula.Actors.Protocol", "Macula.Actors.Transport"],
            references.Order());
    }
}
