using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Akka.Actor;
using Akka.Hosting;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Memory;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Hosting.Tests;

/// <summary>New certificates in a running node.</summary>
public sealed class CertificateReloadSpecs : IDisposable
{
    private const string Password = "correct horse";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly Channel<string> _log = Channel.CreateUnbounded<string>();
    private readonly TemporaryFolder _folder = new();
    private readonly MemoryQuicProvider _machine = new(new MemoryQuicNetwork());
    private readonly X509Certificate2 _first = NewLeaf();
    private readonly X509Certificate2 _second = NewLeaf();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Told_to_the_node_shows_the_new_certificate_and_keeps_its_connections()
    {
        WritePem(_first);
        using var host = BuildPem("0");
        await host.StartAsync().WaitAsync(Deadline);
        var node = NodeOf(host);
        var at = (await node.Ready.WaitAsync(Deadline)).Listening[0];
        await using var before = await ConnectAsync(at, _first);

        WritePem(_second);
        Assert.True(node.ReloadCertificate());

        await using var after = await ConnectAsync(at, _second);
        await Assert.ThrowsAsync<QuicTransportException>(() => ConnectAsync(at, _first));
        Assert.False(before.Closed.IsCompleted);
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task Files_that_cannot_be_loaded_change_nothing()
    {
        WritePem(_first);
        using var host = BuildPem("0");
        await host.StartAsync().WaitAsync(Deadline);
        var node = NodeOf(host);
        var at = (await node.Ready.WaitAsync(Deadline)).Listening[0];

        _folder.Write("cert.pem", _second.ExportCertificatePem()); // its key is not there yet
        Assert.False(node.ReloadCertificate());
        await using var still = await ConnectAsync(at, _first);

        File.Delete(Path.Combine(_folder.Path, "cert.pem"));
        Assert.False(node.ReloadCertificate());
        await using var again = await ConnectAsync(at, _first);

        File.Delete(Path.Combine(_folder.Path, "key.pem"));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "key.pem")); // cannot be read as a file by anybody
        Assert.False(node.ReloadCertificate());
        await using var still2 = await ConnectAsync(at, _first);
        Directory.Delete(Path.Combine(_folder.Path, "key.pem"));

        WritePem(_second);
        Assert.True(node.ReloadCertificate());
        await using var now = await ConnectAsync(at, _second);
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task Changed_files_are_seen_without_a_word()
    {
        WritePem(_first);
        using var host = BuildPem("1s");
        await host.StartAsync().WaitAsync(Deadline);
        var at = (await NodeOf(host).Ready.WaitAsync(Deadline)).Listening[0];
        await using var before = await ConnectAsync(at, _first);

        WritePem(_second);

        await LoggedAsync(QuicTrust.Fingerprint(_second));
        await using var after = await ConnectAsync(at, _second);

        Assert.False(before.Closed.IsCompleted);
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task Without_files_there_is_nothing_to_reload()
    {
        using var host = Build(_ => { });
        await host.StartAsync().WaitAsync(Deadline);
        var node = NodeOf(host);
        await node.Ready.WaitAsync(Deadline);

        Assert.False(node.ReloadCertificate());
        await host.StopAsync().WaitAsync(Deadline);
    }

    [Fact]
    public async Task A_hang_up_makes_the_node_program_read_its_PKCS_12_file_again()
    {
        var path = Path.Combine(_folder.Path, "node.p12");
        Write12(path, _first);
        using var node = new NodeProcess(
            "--port", "0", "-D", $"macula.quic.certificate-file={path}", "-D", $"macula.quic.key-password={Password}",
            "-D", "macula.quic.certificate-reload-interval=0", "-D", "macula.quic.provider=ngtcp2");
        var ready = await node.ReadyAsync();
        var at = IPEndPoint.Parse(ready.GetProperty("listening")[0].GetString()!);
        at.Address = IPAddress.Loopback;
        var quic = new Ngtcp2Provider();
        await using var before = await DialAsync(quic, at, _first);

        Write12(path, _second);
        node.Signal("HUP");

        await node.LogsAsync(QuicTrust.Fingerprint(_second));
        await using var after = await DialAsync(quic, at, _second);

        Assert.False(before.Closed.IsCompleted);
        node.Signal("TERM");
        var (code, output, errors) = await node.EndAsync();
        Assert.Equal(0, code);
        Assert.Contains(QuicTrust.Fingerprint(_second), errors, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, output + errors, StringComparison.Ordinal);
    }

    [Fact]
    public void The_password_is_in_no_text_of_the_settings()
    {
        var options = new MaculaOptions { Environment = new Dictionary<string, string>() };
        options.Set("macula.quic.certificate-file", "a.p12").Set("macula.quic.key-password", Password);

        var settings = MaculaSettings.Load(options);

        Assert.Equal(Password, settings.Quic.KeyPassword);
        Assert.DoesNotContain(Password, settings.Quic.ToString(), StringComparison.Ordinal);
    }

    private static X509Certificate2 NewLeaf() => TestCertificates.Shared.Sign(
        "localhost", TestCertificates.ServerAuthentication, ["localhost"], [IPAddress.Loopback]);

    private static void Write12(string path, X509Certificate2 certificate)
    {
        File.WriteAllBytes(path + ".new", certificate.Export(X509ContentType.Pkcs12, Password));
        File.Move(path + ".new", path, overwrite: true);
    }

    private void WritePem(X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPrivateKey()!;
        _folder.Write("key.pem", key.ExportPkcs8PrivateKeyPem());
        _folder.Write("cert.pem", certificate.ExportCertificatePem());
    }

    private IHost BuildPem(string interval) => Build(options => options
        .Set("macula.quic.certificate-file", Path.Combine(_folder.Path, "cert.pem"))
        .Set("macula.quic.key-file", Path.Combine(_folder.Path, "key.pem"))
        .Set("macula.quic.certificate-reload-interval", interval));

    private IHost Build(Action<MaculaOptions> configure)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddFakeLogging(log => log.OutputSink = line => _log.Writer.TryWrite(line));
        builder.Services.AddAkka("macula", akka => akka.WithMacula(options =>
        {
            options.Environment = new Dictionary<string, string>();
            options.DataDirectory = Path.Combine(_folder.Path, "data");
            options.Listen = "127.0.0.1:0";
            options.Provider = _machine;
            options.Set("macula.cluster.port", "0");
            configure(options);
        }));
        return builder.Build();
    }

    private Task<IQuicConnection> ConnectAsync(IPEndPoint at, X509Certificate2 pinned) => DialAsync(_machine, at, pinned);

    private static Task<IQuicConnection> DialAsync(IQuicProvider quic, IPEndPoint at, X509Certificate2 pinned) =>
        quic.ConnectAsync(new QuicConnectOptions
        {
            EndPoint = at,
            Trust = QuicTrust.Pinned(QuicTrust.Fingerprint(pinned)),
            KeepAliveInterval = TimeSpan.FromSeconds(5),
        }).AsTask().WaitAsync(Deadline);

    private async Task LoggedAsync(string text)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (!(await _log.Reader.ReadAsync(deadline.Token)).Contains(text, StringComparison.Ordinal))
        {
            // Another line.
        }
    }

    private static MaculaNode NodeOf(IHost host) => MaculaNode.Of(host.Services.GetRequiredService<ActorSystem>());
}
