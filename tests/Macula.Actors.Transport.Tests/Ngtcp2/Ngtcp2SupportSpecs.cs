using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

[Collection(Ngtcp2Specs.Name)]
public sealed class Ngtcp2SupportSpecs
{
    [Fact]
    public void Support_names_the_versions()
    {
        var provider = new Ngtcp2Provider();

        Assert.True(provider.Support.IsSupported, provider.Support.Description);
        Assert.Matches(@"^ngtcp2 1\.\d+\.\d+, GnuTLS \d+\.\d+\.\d+$", provider.Support.Description);
        Assert.Equal("ngtcp2", provider.Name);
    }

    [Theory]
    [InlineData("ID=debian", "VERSION_ID=\"12\"", "apt-get install -t bookworm-backports libngtcp2-16")]
    [InlineData("ID=debian", "VERSION_ID=\"13\"", "apt-get install libngtcp2-16 libngtcp2-crypto-gnutls8")]
    [InlineData("ID=fedora", "VERSION_ID=42", "libngtcp2.so.16")]
    public void What_is_missing_is_named_as_the_distribution_names_it(string id, string version, string advice) =>
        Assert.Contains(advice, Advice.For([id, version]), StringComparison.Ordinal);
}
