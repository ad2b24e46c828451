using System.Runtime.InteropServices;

namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>libngtcp2_crypto_gnutls: what joins libngtcp2 and GnuTLS.</summary>
internal static unsafe partial class CryptoLibrary
{
    public const string File = "libngtcp2_crypto_gnutls.so.8";

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_gnutls_configure_server_session")]
    public static partial int ConfigureServerSession(void* session);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_gnutls_configure_client_session")]
    public static partial int ConfigureClientSession(void* session);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_recv_crypto_data_cb")]
    public static partial int ReceiveCryptoData(
        void* connection, int encryptionLevel, ulong offset, byte* data, nuint length, void* user);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_decrypt_cb")]
    public static partial int Decrypt(
        byte* destination, void* aead, void* context, byte* ciphertext, nuint length, byte* nonce, nuint nonceLength,
        byte* header, nuint headerLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_generate_stateless_reset_token")]
    public static partial int GenerateStatelessResetToken(
        byte* token, byte* secret, nuint secretLength, NativeCid* cid);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_generate_retry_token2")]
    public static partial nint GenerateRetryToken(
        byte* token, byte* secret, nuint secretLength, uint version, byte* remote, uint remoteLength,
        NativeCid* retryId, NativeCid* originalId, ulong now);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_verify_retry_token2")]
    public static partial int VerifyRetryToken(
        NativeCid* originalId, byte* token, nuint tokenLength, byte* secret, nuint secretLength, uint version,
        byte* remote, uint remoteLength, NativeCid* retryId, ulong lifetime, ulong now);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_write_retry")]
    public static partial nint WriteRetry(
        byte* destination, nuint length, uint version, NativeCid* destinationId, NativeCid* sourceId,
        NativeCid* originalId, byte* token, nuint tokenLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_write_connection_close")]
    public static partial nint WriteConnectionClose(
        byte* destination, nuint length, uint version, NativeCid* destinationId, NativeCid* sourceId,
        ulong errorCode, byte* reason, nuint reasonLength);
}
