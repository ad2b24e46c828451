using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Macula.Actors.Transport;

/// <summary>Reads certificates from PEM and PKCS #12 files.</summary>
public static class QuicCertificates
{
    /// <summary>A certificate with its key, and the certificates between it and the root.</summary>
    /// <param name="certificatePath">PEM: the leaf first, then the intermediates, as authorities hand them out.</param>
    /// <param name="keyPath">PEM: the leaf's private key: PKCS#8, SEC1 (EC) or PKCS#1 (RSA).</param>
    /// <param name="password">Of a key in encrypted PKCS#8; not looked at when the key is not encrypted.</param>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>; the message
    /// names the file and what to do.</exception>
    public static QuicIdentity Load(string certificatePath, string keyPath, string password = "")
    {
        var certificates = Read(certificatePath, "certificate");
        var key = Read(keyPath, "private key");
        var isEncrypted = key.Contains("BEGIN ENCRYPTED PRIVATE KEY", StringComparison.Ordinal);
        if ((isEncrypted && password.Length == 0) || key.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            throw Fault($"the private key {keyPath} is encrypted"
                + (isEncrypted ? " and no password is given; give it, or" : " in a form that is no longer read;")
                + $" write it without a password, readable by its owner alone: "
                + $"openssl pkey -in {keyPath} -out key.pem && chmod 600 key.pem");
        }

        var all = ReadAll(certificates, certificatePath);
        using var leaf = all[0];
        all.RemoveAt(0);
        return new QuicIdentity(Join(leaf, key, isEncrypted ? password : null, certificatePath, keyPath), all);
    }

    /// <summary>Whether a file is PKCS #12 by its name: <c>.p12</c> or <c>.pfx</c>.</summary>
    public static bool IsPkcs12(string path) =>
        Path.GetExtension(path) is var extension
        && (extension.Equals(".p12", StringComparison.OrdinalIgnoreCase)
            || extension.Equals(".pfx", StringComparison.OrdinalIgnoreCase));

    /// <summary>A certificate with its key, and the certificates between it and the root, from one file.</summary>
    /// <param name="path">PKCS #12 (RFC 7292) with exactly one private key.</param>
    /// <param name="password">May be empty.</param>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>; the message
    /// names the file and what to do.</exception>
    public static QuicIdentity LoadPkcs12(string path, string password = "")
    {
        var bytes = ReadBytes(path, "certificate");
        X509Certificate2Collection all;
        try
        {
            all = X509CertificateLoader.LoadPkcs12Collection(bytes, password, X509KeyStorageFlags.Exportable);
        }
        catch (CryptographicException error)
        {
            throw Fault($"{path} cannot be read as PKCS #12; the password is wrong or the file is damaged "
                + $"(try: openssl pkcs12 -in {path} -info -noout)", error);
        }

        var leaves = all.Where(each => each.HasPrivateKey).ToArray();
        if (leaves is not [var leaf])
        {
            foreach (var each in all) each.Dispose();
            throw Fault($"{path} holds {leaves.Length} private keys; it must hold exactly one, with its certificate");
        }

        all.Remove(leaf);
        foreach (var root in all.Where(each => each.SubjectName.RawData.SequenceEqual(each.IssuerName.RawData)).ToArray())
        {
            all.Remove(root); // the peer has it or does not trust it
            root.Dispose();
        }

        return new QuicIdentity(leaf, all);
    }

    /// <summary>The certificates of a PEM file, for <see cref="QuicTrust.Roots"/>.</summary>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>; the message
    /// names the file and what to do.</exception>
    public static X509Certificate2Collection LoadRoots(string path) => ReadAll(Read(path, "certificates"), path);

    internal static QuicTransportException Fault(string message, Exception? inner = null) =>
        new(QuicTransportError.InvalidConfiguration, message, inner: inner);

    private static X509Certificate2 Join(
        X509Certificate2 leaf, string key, string? password, string certificatePath, string keyPath)
    {
        try
        {
            return Match(leaf, key, password);
        }
        catch (CryptographicException error) when (password is not null)
        {
            throw Fault($"the private key {keyPath} cannot be decrypted, or is not that of the first certificate in "
                + $"{certificatePath}; check the password and the pair of files", error);
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            throw Fault($"{keyPath} does not hold the private key of the first certificate in {certificatePath}; "
                + "give the two files that were made together, the leaf certificate first", error);
        }
    }

    private static X509Certificate2 Match(X509Certificate2 leaf, string key, string? password)
    {
        using var ec = leaf.GetECDsaPublicKey();
        if (ec is not null)
        {
            using var own = ECDsa.Create();
            Import(own, key, password);
            return leaf.CopyWithPrivateKey(own);
        }

        using var rsa = RSA.Create();
        Import(rsa, key, password);
        return leaf.CopyWithPrivateKey(rsa);
    }

    private static void Import(AsymmetricAlgorithm own, string key, string? password)
    {
        if (password is null) own.ImportFromPem(key);
        else own.ImportFromEncryptedPem(key, password);
    }

    private static X509Certificate2Collection ReadAll(string pem, string path)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(pem);
        }
        catch (CryptographicException error)
        {
            throw Fault($"{path} is damaged; it must hold certificates in PEM form", error);
        }

        return all.Count > 0
            ? all
            : throw Fault($"{path} holds no certificate; it must hold '-----BEGIN CERTIFICATE-----' blocks");
    }

    private static string Read(string path, string what) => Encoding.UTF8.GetString(ReadBytes(path, what));

    private static byte[] ReadBytes(string path, string what)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Fault($"the {what} file {Path.GetFullPath(path)} does not exist", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw Fault($"the {what} file {Path.GetFullPath(path)} may not be read by user {Environment.UserName}; "
                + "make that user its owner", error);
        }
        catch (IOException error)
        {
            throw Fault($"the {what} file {Path.GetFullPath(path)} cannot be read: {error.Message}", error);
        }
    }
}

/// <summary>Who a node is on the wire.</summary>
/// <param name="Certificate">The leaf, with its private key.</param>
/// <param name="Intermediates">Between the leaf and the root; may be empty.</param>
public sealed record QuicIdentity(X509Certificate2 Certificate, X509Certificate2Collection Intermediates);
