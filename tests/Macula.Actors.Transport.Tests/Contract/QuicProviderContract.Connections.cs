using System.Net;

namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [ContractFact]
    public async Task Port_0_takes_a_free_port_and_tells_which()
    {
        var one = await ListenAsync();
        var other = await ListenAsync();

        Assert.NotEqual(0, one.LocalEndPoint.Port);
        Assert.NotEqual(one.LocalEndPoint, other.LocalEndPoint);
        Assert.Equal(IPAddress.Loopback, one.LocalEndPoint.Address);
    }

    [ContractFact]
    public async Task An_address_in_use_is_refused()
    {
        var one = await ListenAsync();

        await FailsAsync(QuicTransportError.AddressInUse,
            () => Provider.ListenAsync(ListenOptions with { EndPoint = one.LocalEndPoint }).AsTask());
    }

    [ContractFact]
    [Trait("Defect", "D44")]
    public async Task A_port_is_free_again_once_its_listener_is_disposed()
    {
        var one = await ListenAsync();
        var address = one.LocalEndPoint;
        await one.DisposeAsync();

        var other = await ListenAsync(options => options with { EndPoint = address });

        Assert.Equal(address, other.LocalEndPoint);
    }

    [ContractFact]
    public async Task Both_ends_know_each_other()
    {
        var (client, server) = await PairAsync();

        Assert.Equal(client.LocalEndPoint.Port, server.RemoteEndPoint.Port);
        Assert.Equal(server.LocalEndPoint.Port, client.RemoteEndPoint.Port);
        Assert.Equal("macula", client.ApplicationProtocol);
        Assert.Equal("macula", server.ApplicationProtocol);
        Assert.Equal("localhost", client.ServerName);
        Assert.Equal("localhost", server.ServerName);
        Assert.Equal(TestCertificates.Shared.Server.RawData, client.RemoteCertificate?.RawData);
        Assert.Null(server.RemoteCertificate);
    }

    [ContractFact]
    public async Task A_name_is_resolved_and_asked_for()
    {
        var listener = await ListenAsync();
        var client = await ConnectAsync(listener, options => options with
        {
            EndPoint = new DnsEndPoint("localhost", listener.LocalEndPoint.Port),
            ServerName = null,
        });

        var server = await AcceptAsync(listener);

        Assert.Equal("localhost", server.ServerName);
        Assert.Equal(listener.LocalEndPoint.Port, client.RemoteEndPoint.Port);
    }
}
