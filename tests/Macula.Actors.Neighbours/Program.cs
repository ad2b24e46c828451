using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using MQTTnet.Server;

// MQTTnet's server, for `macula load peers`: as it is out of the box, with TLS, on one port of loopback. It says
// "ready" and serves until its standard input ends, so that it does not outlive who started it.
if (args.Length != 3 || !ushort.TryParse(args[0], CultureInfo.InvariantCulture, out var port))
{
    await Console.Error.WriteLineAsync("usage: Macula.Actors.Neighbours <port> <certificate.pem> <key.pem>");
    return 2;
}

using var fromPem = X509Certificate2.CreateFromPemFile(args[1], args[2]);
var options = new MqttServerOptionsBuilder()
    .WithoutDefaultEndpoint()
    .WithEncryptedEndpoint()
    .WithEncryptedEndpointBoundIPAddress(IPAddress.Loopback)
    .WithEncryptedEndpointBoundIPV6Address(IPAddress.None)
    .WithEncryptedEndpointPort(port)
    .WithEncryptionCertificate(fromPem)
    .WithConnectionBacklog(1024)
    // All servers are set to keep for one client what the load has in flight; the default is 250.
    .WithMaxPendingMessagesPerClient(10_000)
    .Build();
using var server = new MqttServerFactory().CreateMqttServer(options);
await server.StartAsync();
Console.WriteLine("ready");
await Console.In.ReadToEndAsync();
await server.StopAsync();
return 0;
