using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>Own certificate and key as GnuTLS wants them. Must outlive the sessions that use it.</summary>
internal sealed unsafe class TlsCredentials : IDisposable
{
    private void* _handle;

    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.InvalidConfiguration"/>: no private
    /// key, or one that cannot be used.</exception>
    public TlsCredentials(QuicConnectionOptions options)
        : this(options.Certificate, options.Intermediates)
    {
    }

    public TlsCredentials(X509Certificate2? certificate, X509Certificate2Collection? intermediates)
    {
        void* handle;
        TlsLibrary.Check(TlsLibrary.AllocateCredentials(&handle), "credentials");
        _handle = handle;
        Counters.Credential(1);
        if (certificate is null) return;
        try
        {
            Load(certificate, intermediates);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void* Handle => _handle;

    public void Dispose()
    {
        if (_handle == null) return;
        TlsLibrary.FreeCredentials(_handle);
        _handle = null;
        Counters.Credential(-1);
    }

    /// <summary>The private key in PKCS #8 form, for what must survive a restart. The caller clears it.</summary>
    public static byte[] ExportKey(X509Certificate2 certificate)
    {
        try
        {
            using AsymmetricAlgorithm? key =
                (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey() ?? certificate.GetRSAPrivateKey();
            return key?.ExportPkcs8PrivateKey() ?? throw new QuicTransportException(
                QuicTransportError.InvalidConfiguration,
                $"the certificate {certificate.Subject} has no ECDSA or RSA private key");
        }
        catch (CryptographicException fault)
        {
            throw new QuicTransportException(
                QuicTransportError.InvalidConfiguration,
                $"the private key of {certificate.Subject} cannot be exported: {fault.Message}", inner: fault);
        }
    }

    private void Load(X509Certificate2 certificate, X509Certificate2Collection? intermediates)
    {
        var chain = new StringBuilder(certificate.ExportCertificatePem()).Append('\n');
        foreach (var intermediate in intermediates ?? [])
            chain.Append(intermediate.ExportCertificatePem()).Append('\n');
        var chainBytes = Encoding.ASCII.GetBytes(chain.ToString());
        var key = ExportKey(certificate);
        var pem = PemEncoding.Write("PRIVATE KEY", key);
        var keyBytes = Encoding.ASCII.GetBytes(pem);
        try
        {
            fixed (byte* chainStart = chainBytes, keyStart = keyBytes)
            {
                var chainDatum = new Datum { Data = chainStart, Size = (uint)chainBytes.Length };
                var keyDatum = new Datum { Data = keyStart, Size = (uint)keyBytes.Length };
                var result =
                    TlsLibrary.SetCertificateAndKey(_handle, &chainDatum, &keyDatum, TlsLibrary.FormatPem);
                TlsLibrary.Check(result, $"the certificate {certificate.Subject} with its key");
            }
        }
        catch (QuicTransportException fault)
        {
            throw new QuicTransportException(QuicTransportError.InvalidConfiguration, fault.Message, inner: fault);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(keyBytes);
            Array.Clear(pem);
        }
    }
}
