using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Transport.Tests;

public sealed class DevelopmentCertificateSpecs : IDisposable
{
    private readonly string _parent = Directory.CreateTempSubdirectory("macula-").FullName;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    private string Home => Path.Combine(_parent, "certificates");

    private string CertificatePath => Path.Combine(Home, DevelopmentCertificate.CertificateFile);

    private string KeyPath => Path.Combine(Home, DevelopmentCertificate.KeyFile);

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    [Fact]
    public void It_is_made_once_and_kept()
    {
        using var first = DevelopmentCertificate.LoadOrCreate(Home, [], _time);
        using var second = DevelopmentCertificate.LoadOrCreate(Home, [], _time);

        Assert.Equal(first.RawData, second.RawData);
        Assert.True(second.HasPrivateKey);
    }

    [Fact]
    public void It_carries_the_names_of_this_machine_and_those_asked_for()
    {
        using var made = DevelopmentCertificate.LoadOrCreate(Home, ["node1.example", "10.1.2.3"], _time);

        string[] usual = ["localhost", "127.0.0.1", "::1", Environment.MachineName];
        foreach (var name in usual.Append("node1.example").Append("10.1.2.3"))
            Assert.True(made.MatchesHostname(name), name);
        Assert.False(made.MatchesHostname("elsewhere.example"));
    }

    [Fact]
    public void It_is_trusted_by_its_own_file_and_by_its_fingerprint()
    {
        using var made = DevelopmentCertificate.LoadOrCreate(Home, [], _time);
        var roots = QuicCertificates.LoadRoots(CertificatePath);

        Assert.Null(QuicTrust.Roots(roots).Verify(made, null, "localhost"));
        Assert.Null(QuicTrust.Roots(roots).Verify(made, null, null));
        Assert.Null(QuicTrust.Pinned(QuicTrust.Fingerprint(made)).Verify(made, null, "localhost"));
    }

    [Fact]
    public void Its_key_is_its_owners_alone()
    {
        if (OperatingSystem.IsWindows()) return;
        using var made = DevelopmentCertificate.LoadOrCreate(Home, [], _time);

        const UnixFileMode ReadWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(ReadWrite, File.GetUnixFileMode(KeyPath));
        Assert.Equal(ReadWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Home));
    }

    [Fact]
    public void It_is_renewed_when_it_is_about_to_end()
    {
        using var first = DevelopmentCertificate.LoadOrCreate(Home, [], _time);
        _time.SetUtcNow(first.NotAfter.ToUniversalTime() - TimeSpan.FromDays(31));
        using var kept = DevelopmentCertificate.LoadOrCreate(Home, [], _time);
        _time.Advance(TimeSpan.FromDays(2));
        using var renewed = DevelopmentCertificate.LoadOrCreate(Home, [], _time);

        Assert.Equal(first.RawData, kept.RawData);
        Assert.NotEqual(first.RawData, renewed.RawData);
        Assert.InRange(renewed.NotAfter - first.NotAfter, TimeSpan.FromDays(3600), TimeSpan.FromDays(3700));
    }

    [Fact]
    public void It_is_made_anew_for_a_name_it_lacks()
    {
        using var first = DevelopmentCertificate.LoadOrCreate(Home, [], _time);
        using var second = DevelopmentCertificate.LoadOrCreate(Home, ["new.example"], _time);

        Assert.NotEqual(first.RawData, second.RawData);
        Assert.True(second.MatchesHostname("new.example"));
    }

    [Fact]
    public async Task Many_that_start_at_once_get_one_certificate()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 8)
            .Select(_ => Task.Run(() => DevelopmentCertificate.LoadOrCreate(Home, [], _time))))
            .WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Single(made.Select(QuicTrust.Fingerprint).Distinct());
    }

    [Theory]
    [InlineData("")]
    [InlineData("not PEM at all")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public void A_damaged_certificate_is_named_and_left_alone(string text)
    {
        DevelopmentCertificate.LoadOrCreate(Home, [], _time).Dispose();
        File.WriteAllText(CertificatePath, text);

        var thrown = Assert.Throws<QuicTransportException>(() => DevelopmentCertificate.LoadOrCreate(Home, [], _time));

        Assert.Equal(QuicTransportError.InvalidConfiguration, thrown.Error);
        Assert.Contains(CertificatePath, thrown.Message, StringComparison.Ordinal);
        Assert.Contains("delete", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(CertificatePath));
    }

    [Fact]
    public void A_key_of_another_certificate_is_named()
    {
        DevelopmentCertificate.LoadOrCreate(Home, [], _time).Dispose();
        var other = Path.Combine(_parent, "other");
        DevelopmentCertificate.LoadOrCreate(other, [], _time).Dispose();
        File.Copy(Path.Combine(other, DevelopmentCertificate.KeyFile), KeyPath, overwrite: true);

        var thrown = Assert.Throws<QuicTransportException>(() => DevelopmentCertificate.LoadOrCreate(Home, [], _time));

        Assert.Contains(KeyPath, thrown.Message, StringComparison.Ordinal);
        Assert.Contains("does not hold the private key", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_is_a_file_is_named()
    {
        File.WriteAllText(Home, "in the way");

        var thrown = Assert.Throws<QuicTransportException>(() => DevelopmentCertificate.LoadOrCreate(Home, [], _time));

        Assert.Contains(Home, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chain_is_loaded_leaf_first()
    {
        using var root = TestCertificates.CreateChain(out var intermediate, out var leaf);
        Directory.CreateDirectory(Home);
        File.WriteAllText(CertificatePath,
            leaf.ExportCertificatePem() + "\n" + intermediate.ExportCertificatePem() + "\n");
        File.WriteAllText(KeyPath, leaf.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

        var loaded = QuicCertificates.Load(CertificatePath, KeyPath);

        Assert.Equal(leaf.RawData, loaded.Certificate.RawData);
        Assert.True(loaded.Certificate.HasPrivateKey);
        Assert.Equal(intermediate.RawData, Assert.Single(loaded.Intermediates).RawData);
        Assert.Null(QuicTrust.Roots([root]).Verify(loaded.Certificate, loaded.Intermediates, "localhost"));
    }

    [Fact]
    public void Files_that_are_missing_or_locked_away_are_named()
    {
        var thrown = Assert.Throws<QuicTransportException>(() => QuicCertificates.Load(CertificatePath, KeyPath));

        Assert.Equal(QuicTransportError.InvalidConfiguration, thrown.Error);
        Assert.Contains(CertificatePath, thrown.Message, StringComparison.Ordinal);
        Assert.Contains("does not exist", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_encrypted_key_is_refused_with_what_to_do()
    {
        using var made = DevelopmentCertificate.LoadOrCreate(Home, [], _time);
        var parameters = new System.Security.Cryptography.PbeParameters(
            System.Security.Cryptography.PbeEncryptionAlgorithm.Aes128Cbc,
            System.Security.Cryptography.HashAlgorithmName.SHA256, 1000);
        File.WriteAllText(KeyPath, made.GetECDsaPrivateKey()!.ExportEncryptedPkcs8PrivateKeyPem("secret", parameters));

        var thrown = Assert.Throws<QuicTransportException>(() => QuicCertificates.Load(CertificatePath, KeyPath));

        Assert.Contains("openssl pkey", thrown.Message, StringComparison.Ordinal);
    }
}
