using System.Reflection;

namespace Macula.Actors.Hosting.Tests;

/// <summary>The arrows of docs/architecture.md: what these projects may know of the others.</summary>
public sealed class ReferencesSpecs
{
    [Fact]
    public void Hosting_knows_the_actors_and_the_transports_but_no_client() => Assert.Equal(
        ["Macula.Actors", "Macula.Actors.Protocol", "Macula.Actors.Transport", "Macula.Actors.Transport.Ngtcp2"],
        References(typeof(MaculaOptions).Assembly));

    [Fact]
    public void The_node_knows_hosting_and_nothing_of_how_it_is_done() => Assert.Equal(
        ["Macula.Actors", "Macula.Actors.Hosting"], References(Assembly.Load("Macula.Actors.Node")));

    private static IEnumerable<string?> References(Assembly assembly) => assembly.GetReferencedAssemblies()
        .Select(reference => reference.Name)
        .Where(name => name!.StartsWith("Macula.", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);
}
