using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport;

/// <summary>Reads certificates from PEM files.</summary>
public static class QuicCertificates
{
    /// <summary>A certificate with its key, and the certificates between it and the root.</summary>
    /// <param name="certificatePath">PEM: the leaf first, then the intermediates, as authorities hand them out.</param>
    /// <param name="keyPath">PEM: the leaf's private key, not encrypted: PKCS#8, SEC1 (EC) or PKCS#1 (RSA).</param>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>; the message
    /// names the file and what to do.</exception>
    public static QuicIdentity Load(string certificatePath, string keyPath)
    {
        var certificates = Read(certificatePath, "certificate");
        var key = Read(keyPath, "private key");
        if (key.Contains("ENCRYPTED", StringComparison.Ordinal))
        {
            throw Fault($"the private key {keyPath} is encrypted; write it without a password, readable by its owner "
                + $"alone: openssl pkey -in {keyPath} -out key.pem && chmod 600 key.pem");
        }

        var all = ReadAll(certificates, certificatePath);
        using var leaf = all[0];
        all.RemoveAt(0);
        return new QuicIdentity(Join(leaf, key, certificatePath, keyPath), all);
    }

    /// <summary>The certificates of a PEM file, for <see cref="QuicTrust.Roots"/>.</summary>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>; the message
    /// names the file and what to do.</exception>
    public static X509Certificate2Collection LoadRoots(string path) => ReadAll(Read(path, "certificates"), path);

    internal static QuicTransportException Fault(string message, Exception? inner = null) =>
        new(QuicTransportError.InvalidConfiguration, message, inner: inner);

    private static X509Certificate2 Join(X509Certificate2 leaf, string key, string certificatePath, string keyPath)
    {
        try
        {
            return Match(leaf, key);
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            throw Fault($"{keyPath} does not hold the private key of the first certificate in {certificatePath}; "
                + "give the two files that were made together, the leaf certificate first", error);
        }
    }

    private static X509Certificate2 Match(X509Certificate2 leaf, string key)
    {
        using var ec = leaf.GetECDsaPublicKey();
        if (ec is not null)
        {
            using var own = ECDsa.Create();
            own.ImportFromPem(key);
            return leaf.CopyWithPrivateKey(own);
        }

        using var rsa = RSA.Create();
        rsa.ImportFromPem(key);
        return leaf.CopyWithPrivateKey(rsa);
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

    private static string Read(string path, string what)
    {
        try
        {
            return File.ReadAllText(path);
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
