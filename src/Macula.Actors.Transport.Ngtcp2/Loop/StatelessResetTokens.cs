using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Makes the tokens of RFC 9000, section 10.3, from a secret.</summary>
/// <remarks>A restarted server must make the same tokens as before, or peers learn of the restart only by their idle
/// time-out.</remarks>
internal sealed unsafe class StatelessResetTokens
{
    public const int TokenLength = 16;

    /// <summary>The shortest packet that can be a stateless reset.</summary>
    public const int ShortestReset = 21;

    private readonly byte[] _secret;

    public StatelessResetTokens(byte[] secret) => _secret = secret;

    public static StatelessResetTokens ForClient() => new(RandomNumberGenerator.GetBytes(32));

    public void Write(NativeCid* cid, byte* token)
    {
        int result;
        fixed (byte* secret = _secret)
            result = CryptoLibrary.GenerateStatelessResetToken(token, secret, (nuint)_secret.Length, cid);
        if (result != 0)
            throw new QuicTransportException(QuicTransportError.InternalError, "no stateless reset token");
    }
}
