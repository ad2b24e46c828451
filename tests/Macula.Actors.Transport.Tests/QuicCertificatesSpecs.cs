using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport.Tests;

public sealed class QuicCertificatesSpecs : IDisposable
{
    private const string Password = "correct horse";
    private static readonly TestCertificates Authority = TestCertificates.Shared;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("macula-certificates-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_chain_and_its_key_are_read_from_PEM()
    {
        using var root = TestCertificates.CreateChain(out var intermediate, out var leaf);
        var chain = Write("chain.pem", leaf.ExportCertificatePem() + "\n" + intermediate.ExportCertificatePem());

        var identity = QuicCertificates.Load(chain, Write("key.pem", KeyOf(leaf)));

        AssertIsWhole(identity, leaf, intermediate);
    }

    [Fact]
    public void An_encrypted_key_needs_its_password()
    {
        var certificate = Write("cert.pem", Authority.Server.ExportCertificatePem());
        using var own = Authority.Server.GetECDsaPrivateKey()!;
        var key = Write("key.pem", own.ExportEncryptedPkcs8PrivateKeyPem(
            Password, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));

        AssertIsWhole(QuicCertificates.Load(certificate, key, Password), Authority.Server);
        AssertFault(() => QuicCertificates.Load(certificate, key), key, "is encrypted and no password is given");
        AssertFault(() => QuicCertificates.Load(certificate, key, "wrong"), key, "check the password");
    }

    [Fact]
    public void A_password_that_is_not_needed_does_no_harm()
    {
        var certificate = Write("cert.pem", Authority.Server.ExportCertificatePem());

        var identity = QuicCertificates.Load(certificate, Write("key.pem", KeyOf(Authority.Server)), Password);

        AssertIsWhole(identity, Authority.Server);
    }

    [Fact]
    public void Old_encrypted_keys_are_refused_with_the_way_out()
    {
        var certificate = Write("cert.pem", Authority.Server.ExportCertificatePem());
        var key = Write("key.pem", "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n");

        AssertFault(() => QuicCertificates.Load(certificate, key, Password), key, "openssl pkey -in");
    }

    [Theory]
    [InlineData("")]
    [InlineData(Password)]
    public void A_chain_with_its_key_is_read_from_PKCS_12_without_the_root(string password)
    {
        using var root = TestCertificates.CreateChain(out var intermediate, out var leaf);
        var path = Write12("all.p12", password, leaf, intermediate, root);

        var identity = QuicCertificates.LoadPkcs12(path, password);

        AssertIsWhole(identity, leaf, intermediate);
    }

    [Fact]
    public void A_PKCS_12_file_with_another_password_without_a_key_or_with_two_is_refused()
    {
        var good = Write12("good.p12", Password, Authority.Server);
        var keyless = Write12("keyless.p12", Password, X509CertificateLoader.LoadCertificate(Authority.Server.RawData));
        var two = Write12("two.p12", Password, Authority.Server, Authority.Client);
        var noise = Write("noise.p12", "not a certificate");
        var missing = Path.Combine(_folder.FullName, "missing.p12");

        AssertFault(() => QuicCertificates.LoadPkcs12(good, "wrong"), good, "the password is wrong or the file is damaged");
        AssertFault(() => QuicCertificates.LoadPkcs12(keyless, Password), keyless, "holds 0 private keys");
        AssertFault(() => QuicCertificates.LoadPkcs12(two, Password), two, "holds 2 private keys");
        AssertFault(() => QuicCertificates.LoadPkcs12(noise, Password), noise, "damaged");
        AssertFault(() => QuicCertificates.LoadPkcs12(missing, Password), missing, "does not exist");
    }

    [Theory]
    [InlineData("/etc/macula/node.p12", true)]
    [InlineData("node.PFX", true)]
    [InlineData("node.pem", false)]
    [InlineData("p12", false)]
    public void A_name_says_whether_it_is_PKCS_12(string path, bool is12) =>
        Assert.Equal(is12, QuicCertificates.IsPkcs12(path));

    private static void AssertIsWhole(
        QuicIdentity identity, X509Certificate2 leaf, params X509Certificate2[] intermediates)
    {
        Assert.Equal(leaf.RawData, identity.Certificate.RawData);
        Assert.Equal(intermediates.Select(each => each.Thumbprint), identity.Intermediates.Select(each => each.Thumbprint));
        using var key = identity.Certificate.GetECDsaPrivateKey();
        byte[] text = [1, 2, 3];
        var signature = key!.SignData(text, HashAlgorithmName.SHA256);
        using var open = leaf.GetECDsaPublicKey();
        Assert.True(open!.VerifyData(text, signature, HashAlgorithmName.SHA256));
        Assert.NotEmpty(key.ExportPkcs8PrivateKey()); // as GnuTLS needs it
    }

    private static void AssertFault(Func<QuicIdentity> load, string path, string text)
    {
        var thrown = Assert.Throws<QuicTransportException>(load);
        Assert.Equal(QuicTransportError.InvalidConfiguration, thrown.Error);
        Assert.Contains(path, thrown.Message, StringComparison.Ordinal);
        Assert.Contains(text, thrown.Message, StringComparison.Ordinal);
    }

    private static string KeyOf(X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    private string Write12(string name, string password, params X509Certificate2[] certificates)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllBytes(path, new X509Certificate2Collection(certificates).Export(X509ContentType.Pkcs12, password)!);
        return path;
    }
}
