namespace Macula.Actors.Client.Tests;

/// <summary>The client stands on the protocol and the transport alone.</summary>
public sealed class ReferenceSpecs
{
    [Fact]
    public void The_client_refers_to_nothing_but_protocol_transport_and_logging()
    {
        var references = typeof(MaculaClient).Assembly.GetReferencedAssemblies()
            .Select(reference => reference.Name!)
            .Where(name => !name.StartsWith("System.", StringComparison.Ordinal));

        Assert.Equal(
            [
                "Macula.Actors.Protocol",
                "Macula.Actors.Transport",
                "Macula.Actors.Transport.Ngtcp2",
                "Microsoft.Extensions.Logging.Abstractions",
            ],
            references.Order());
    }
}
