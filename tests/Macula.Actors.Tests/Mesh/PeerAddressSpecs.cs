using System.Net;
using Macula.Actors.Mesh;

namespace Macula.Actors.Tests.Mesh;

public sealed class PeerAddressSpecs
{
    [Theory]
    [Trait("Defect", "D50")]
    [InlineData("https://gateway.example.com:4433", "gateway.example.com", 4433)]
    [InlineData("HTTPS://Gateway.Example.com:4433/", "gateway.example.com", 4433)]
    [InlineData("gateway:1", "gateway", 1)]
    [InlineData("gateway", "gateway", PeerAddress.DefaultPort)]
    [InlineData("10.0.0.1:65535", "10.0.0.1", 65535)]
    [InlineData("10.0.0.1", "10.0.0.1", PeerAddress.DefaultPort)]
    [InlineData("https://[::1]:9443", "::1", 9443)]
    [InlineData("[::1]", "::1", PeerAddress.DefaultPort)]
    [InlineData("[0:0:0:0:0:0:0:1]:5", "::1", 5)]
    [InlineData("[2001:DB8::1]:5", "2001:db8::1", 5)]
    [InlineData("127.1:5", "127.0.0.1", 5)]
    public void An_endpoint_is_read(string text, string host, int port)
    {
        Assert.True(PeerAddress.TryParse(text, out var address));
        Assert.Equal(new PeerAddress(host, port), address);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("https://")]
    [InlineData("http://gateway:1")]
    [InlineData("gateway:0")]
    [InlineData("gateway:65536")]
    [InlineData("gateway:-1")]
    [InlineData("gateway:")]
    [InlineData("gateway: 1")]
    [InlineData(":9443")]
    [InlineData("::1")]
    [InlineData("[::1")]
    [InlineData("[::1]9443")]
    [InlineData("[10.0.0.1]:1")]
    [InlineData("[gateway]:1")]
    [InlineData("a b:1")]
    [InlineData("https://gateway:1/path")]
    [InlineData("user@gateway:1")]
    public void What_is_none_is_refused(string? text) => Assert.False(PeerAddress.TryParse(text, out _));

    [Fact]
    public void One_of_endless_length_is_refused() => Assert.False(PeerAddress.TryParse(new string('a', 513), out _));

    [Theory]
    [InlineData("[::1]:5")]
    [InlineData("10.0.0.1:5")]
    [InlineData("gateway:5")]
    public void Its_text_is_read_back(string text)
    {
        Assert.True(PeerAddress.TryParse(text, out var address));
        Assert.Equal(text, address.ToString());
    }

    [Fact]
    public void An_address_is_dialled_as_it_is_and_a_name_is_resolved()
    {
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Loopback, 5), new PeerAddress("::1", 5).EndPoint);
        Assert.Equal(new DnsEndPoint("gateway", 5), new PeerAddress("gateway", 5).EndPoint);
    }
}
