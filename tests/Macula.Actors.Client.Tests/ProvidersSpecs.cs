using Macula.Actors.Client.Internal;

namespace Macula.Actors.Client.Tests;

public sealed class ProvidersSpecs
{
    [Fact]
    public void The_system_comes_first_then_ngtcp2_as_in_a_node() =>
        Assert.Equal(["system", "ngtcp2"], Providers.Known.Select(provider => provider.Name));
}
