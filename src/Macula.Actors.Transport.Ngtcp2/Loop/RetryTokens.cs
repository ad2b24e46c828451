using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Makes and checks the tokens by which a client proves its address (RFC 9000, section 8.1.2). Each is good for
/// one address and port, one connection id and a while; nothing is kept of it here.</summary>
internal sealed unsafe class RetryTokens(byte[] secret, TimeSpan lifetime, TimeProvider clock)
{
    /// <summary>Room for a token.</summary>
    public const int Room = 256;

    // What the library begins such tokens with; NEW_TOKEN's begin otherwise, and are not given out here.
    private const byte Mark = 0xb6;
    private const byte Mark2 = 0xb7;

    /// <summary>Whether it claims to be from a Retry packet.</summary>
    public static bool IsRetry(in NativeVector token) => token.Length > 0 && *token.Base is Mark or Mark2;

    /// <returns>Its length; negative: none could be made.</returns>
    public nint Write(byte* token, PacketHeader* header, NativeCid* retryId, NativePath* path)
    {
        fixed (byte* start = secret)
            return CryptoLibrary.GenerateRetryToken(
                token, start, (nuint)secret.Length, header->Version, path->Remote.SocketAddress, path->Remote.Length,
                retryId, &header->DestinationId, Time);
    }

    /// <summary>Whether it was given to this address not too long ago.</summary>
    /// <param name="originalId">Gets the connection id that the client picked first.</param>
    public bool Verify(PacketHeader* header, NativePath* path, NativeCid* originalId)
    {
        fixed (byte* start = secret)
            return CryptoLibrary.VerifyRetryToken(
                originalId, header->Token.Base, header->Token.Length, start, (nuint)secret.Length, header->Version,
                path->Remote.SocketAddress, path->Remote.Length, &header->DestinationId,
                (ulong)lifetime.Ticks * 100, Time) == 0;
    }

    /// <summary>Of the wall clock: the monotonic one starts anew with the machine, and old tokens would be good again.
    /// </summary>
    private ulong Time => (ulong)(clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
}
