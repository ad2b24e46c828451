using System.Net;
using Macula.Actors.Transport.SystemNetQuic;

namespace Macula.Actors.Transport.Tests;

public sealed class SystemQuicProviderSpecs
{
    private readonly SystemQuicProvider _provider = new();

    [Fact]
    public void It_says_whether_it_can_run_here()
    {
        Assert.Equal("system", _provider.Name);
        Assert.Contains(_provider.Support.IsSupported ? "MsQuic" : "System.Net.Quic", _provider.Support.Description,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_it_cannot_run_it_says_what_to_install()
    {
        var options = new QuicConnectOptions { EndPoint = new IPEndPoint(IPAddress.Loopback, 1) };
        var connecting = _provider.ConnectAsync(options with { HandshakeTimeout = TimeSpan.FromMilliseconds(200) });

        var thrown = await Assert.ThrowsAsync<QuicTransportException>(() => connecting.AsTask());

        if (_provider.Support.IsSupported) return; // there the contract suite runs
        Assert.Equal(QuicTransportError.NotSupported, thrown.Error);
        Assert.Equal(_provider.Support.Description, thrown.Message);
    }

    [Fact]
    public void No_type_of_System_Net_Quic_shows_above_this_project()
    {
        var shown = typeof(IQuicProvider).Assembly.GetExportedTypes()
            .SelectMany(type => type.GetMembers())
            .SelectMany(member => member switch
            {
                System.Reflection.MethodBase method => method.GetParameters().Select(p => p.ParameterType),
                System.Reflection.PropertyInfo property => [property.PropertyType],
                System.Reflection.FieldInfo field => [field.FieldType],
                _ => [],
            });

        Assert.DoesNotContain(shown, type => type.Namespace == "System.Net.Quic");
    }
}
