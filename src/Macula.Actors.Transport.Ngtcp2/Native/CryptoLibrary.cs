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

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_encrypt_cb")]
    public static partial int Encrypt(
        byte* destination, void* aead, CryptoContext* context, byte* plaintext, nuint length, byte* nonce,
        nuint nonceLength, byte* header, nuint headerLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_decrypt_cb")]
    public static partial int Decrypt(
        byte* destination, void* aead, CryptoContext* context, byte* ciphertext, nuint length, byte* nonce,
        nuint nonceLength, byte* header, nuint headerLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_hp_mask_cb")]
    public static partial int Mask(byte* destination, void* cipher, CryptoContext* context, byte* sample);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_aead_ctx_encrypt_init")]
    public static partial int InitSealing(CryptoContext* context, void* aead, byte* key, nuint nonceLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_aead_ctx_decrypt_init")]
    public static partial int InitOpening(CryptoContext* context, void* aead, byte* key, nuint nonceLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_aead_ctx_free")]
    public static partial void FreeContext(CryptoContext* context);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_delete_crypto_cipher_ctx_cb")]
    public static partial void DeleteCipher(void* connection, CryptoContext* context, void* user);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_aead_keylen")]
    public static partial nuint KeyLength(void* aead);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_packet_protection_ivlen")]
    public static partial nuint VectorLength(void* aead);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_update_key")]
    public static partial int UpdateKey(
        void* connection, byte* receivingSecret, byte* sendingSecret, CryptoContext* open, byte* receivingKey,
        byte* receivingVector, CryptoContext* seal, byte* sendingKey, byte* sendingVector, byte* currentReceivingSecret,
        byte* currentSendingSecret, nuint length);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_derive_and_install_rx_key")]
    public static partial int InstallReceivingKey(
        void* connection, byte* key, byte* vector, byte* mask, int encryptionLevel, byte* secret, nuint length);

    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_derive_and_install_tx_key")]
    public static partial int InstallSendingKey(
        void* connection, byte* key, byte* vector, byte* mask, int encryptionLevel, byte* secret, nuint length);

    /// <summary>A level of GnuTLS, in libngtcp2's numbers.</summary>
    [LibraryImport(File, EntryPoint = "ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level")]
    public static partial int LevelOf(int tlsLevel);

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
