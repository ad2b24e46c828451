using System.Globalization;
using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Neighbours;

/// <summary>The servers of others: as they come, with TLS and without anything written to disk; only what a queue may hold
/// is raised to what the load has in flight.</summary>
internal sealed class NeighbourKinds : IDisposable
{
    public const string Nats = "nats-server", Mosquitto = "mosquitto", MqttNet = "MQTTnet";

    private const string MqttNetProgram = "Macula.Actors.Neighbours.dll";

    private readonly NeighbourCertificate _certificate = new();
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("macula-load-settings-");

    public NeighbourKinds()
    {
        var host = SiblingProgram.Find(MqttNetProgram);
        All =
        [
            new ForeignNeighbour.Kind(
                Nats, ServerProcess.Find("nats-server"), "not installed: apt-get install nats-server", NatsArguments,
                async (server, number, stop) =>
                    await NatsClient.ConnectAsync(server, _certificate, number, stop).ConfigureAwait(false)),
            new ForeignNeighbour.Kind(
                Mosquitto, ServerProcess.Find("mosquitto"), "not installed: apt-get install mosquitto", MosquittoArguments,
                ConnectMqttAsync),
            new ForeignNeighbour.Kind(
                MqttNet, host is null ? null : ChildProcess.DotNet,
                $"{MqttNetProgram} is not beside this tool: dotnet build -c Release tests/Macula.Actors.Neighbours",
                port => [host!, Text(port), _certificate.CertificateFile, _certificate.KeyFile], ConnectMqttAsync),
        ];
    }

    public IReadOnlyList<INeighbourKind> All { get; }

    public void Dispose()
    {
        _certificate.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task<INeighbourClient> ConnectMqttAsync(
        System.Net.IPEndPoint server, int number, CancellationToken cancellationToken) =>
        await MqttClient.ConnectAsync(server, _certificate, number, cancellationToken).ConfigureAwait(false);

    private string[] NatsArguments(int port) =>
    [
        "-c", Settings(
            $$"""
            host: "127.0.0.1"
            port: {{Text(port)}}
            # Idle clients of the load do not read: they could not answer.
            ping_interval: "1h"
            # Ten thousand handshakes may wait for the cores that the load needs too.
            tls { cert_file: "{{_certificate.CertificateFile}}", key_file: "{{_certificate.KeyFile}}", timeout: 30 }
            """),
    ];

    private string[] MosquittoArguments(int port) =>
    [
        "-c", Settings(
            $"""
            listener {Text(port)} 127.0.0.1
            certfile {_certificate.CertificateFile}
            keyfile {_certificate.KeyFile}
            allow_anonymous true
            persistence false
            max_queued_messages 0
            user {Environment.UserName}
            log_type error
            """),
    ];

    private string Settings(string text)
    {
        var file = Path.Combine(_directory.FullName, Path.GetRandomFileName());
        File.WriteAllText(file, text + "\n");
        return file;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
