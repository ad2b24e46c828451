using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>What a listener makes its tokens from, one secret for each kind. They outlive the process: both come from
/// <see cref="Ngtcp2Options.Secret"/>, or from the private key of the certificate where none is set.</summary>
internal readonly record struct ListenerSecrets(byte[] Reset, byte[] Retry)
{
    /// <exception cref="QuicTransportException">None is set, and the key cannot be exported.</exception>
    public static ListenerSecrets Derive(Ngtcp2Options options, QuicListenOptions listen)
    {
        var root = options.Secret.Length > 0 ? options.Secret.ToArray() : TlsCredentials.ExportKey(listen.Certificate!);
        var secrets = new ListenerSecrets(
            HMACSHA256.HashData(root, "stateless reset tokens"u8), HMACSHA256.HashData(root, "retry tokens"u8));
        CryptographicOperations.ZeroMemory(root);
        return secrets;
    }
}
