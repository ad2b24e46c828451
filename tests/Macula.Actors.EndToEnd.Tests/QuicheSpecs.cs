using Macula.Actors.EndToEnd.Tests.Harness;
using Macula.Actors.EndToEnd.Worker;
using Macula.Actors.Transport;

namespace Macula.Actors.EndToEnd.Tests;

/// <summary>A QUIC that nobody here wrote: quiche, through npm's @matrixai/quic (tests/interop-quiche).</summary>
[Collection(OneByOne.Name)]
public sealed class QuicheSpecs(ITestOutputHelper test)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    [Fact]
    public async Task Quiche_verifies_the_node_sends_golden_frames_and_gets_the_right_answers()
    {
        using var folder = new TempFolder();
        await using var node = await NodeProcess.StartAsync(test, "macula.gateway.connect-timeout=20s");
        var (code, output, _) = await RunAsync(node, folder, alpn: "macula");

        Assert.Equal(0, code);
        Assert.Equal("ok", output[^1]);
        node.AssertUntroubled();
    }

    [Fact]
    public async Task Quiche_with_another_ALPN_is_refused_by_TLS_with_no_application_protocol()
    {
        using var folder = new TempFolder();
        await using var node = await NodeProcess.StartAsync(test);
        var (code, output, errors) = await RunAsync(node, folder, alpn: "h3");

        Assert.Equal(1, code);
        Assert.Empty(output);
        Assert.Contains(errors, line => line.Contains("no_application_protocol", StringComparison.OrdinalIgnoreCase)
            || line.Contains("376", StringComparison.Ordinal)); // 0x100 + alert 120 (RFC 9001, section 4.8)
        node.AssertUntroubled();
    }

    private async Task<(int Code, IReadOnlyList<string> Output, IReadOnlyList<string> Errors)> RunAsync(
        NodeProcess node, TempFolder folder, string alpn)
    {
        Assert.True(
            Directory.Exists(Path.Combine(Repository.Quiche, "node_modules", "@matrixai", "quic")),
            $"quiche is not installed; run: npm ci --prefix {Repository.Quiche}   (./build.sh setup does)");
        var certificate = Path.Combine(folder.Path, "node.pem");
        await File.WriteAllTextAsync(certificate, await CertificateAsync(node.Address));
        await using var quiche = new ChildProcess(test, "quiche", "node",
        [
            Path.Combine(Repository.Quiche, "client.mjs"), $"{node.Port}", certificate, Repository.VectorsFolder, alpn,
        ]);
        var code = await quiche.ExitAsync(Patience);
        return (code, await quiche.ReadToEndAsync(), quiche.Errors);
    }

    // As the node shows it to everybody: quiche gets it as its only root.
    private static async Task<string> CertificateAsync(NodeAddress node)
    {
        await using var connection = await RawClient.DialAsync(node);
        var certificate = connection.RemoteCertificate!;
        Assert.Equal(node.Fingerprint, QuicTrust.Fingerprint(certificate));
        return certificate.ExportCertificatePem();
    }
}
