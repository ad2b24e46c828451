using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Transport.Tests;

/// <summary>The contract suite leaves out what a machine lacks; this makes sure that it leaves out nothing where it
/// matters, and that the project stays free of what it must not know.</summary>
public sealed class ProviderPresenceSpecs
{
    [Fact]
    public void Where_it_was_promised_real_QUIC_is_there()
    {
        var isCi = Environment.GetEnvironmentVariable("CI") is { Length: > 0 };
        var isPromised = isCi || File.Exists("/etc/debian_version");
        var support = new Ngtcp2Provider().Support;

        Assert.True(support.IsSupported || !isPromised,
            $"CI and Debian run the specs over real QUIC, but ngtcp2 cannot run here: {support.Description}");
    }

    [Fact]
    public void Transport_references_nothing_but_the_framework()
    {
        var others = typeof(IQuicProvider).Assembly.GetReferencedAssemblies()
            .Select(reference => reference.Name!)
            .Where(name => !name.StartsWith("System.", StringComparison.Ordinal));

        Assert.Empty(others);
    }
}
