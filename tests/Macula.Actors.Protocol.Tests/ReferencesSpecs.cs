namespace Macula.Actors.Protocol.Tests;

public sealed class ReferencesSpecs
{
    [Fact]
    public void The_protocol_knows_the_runtime_and_messagepack_and_nothing_else()
    {
        var references = typeof(Frame).Assembly.GetReferencedAssemblies()
            .Select(reference => reference.Name!)
            .Where(name => !name.StartsWith("System.", StringComparison.Ordinal));

        Assert.Equal(["Nerdbank.MessagePack"], references);
    }

    [Fact]
    public void The_protocol_opens_no_socket()
    {
        var references = typeof(Frame).Assembly.GetReferencedAssemblies()
            .Select(reference => reference.Name!);

        Assert.DoesNotContain("System.Net.Sockets", references);
        Assert.DoesNotContain("System.Net.Quic", references);
    }
}
