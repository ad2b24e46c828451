using System.Runtime.InteropServices;

namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>libngtcp2 1.x. Only what is used; the names are the library's without their prefix.</summary>
/// <remarks>An export that can call back must not carry <see cref="SuppressGCTransitionAttribute"/>.</remarks>
internal static unsafe partial class QuicLibrary
{
    public const string File = "libngtcp2.so.16";

    public const uint QuicVersion1 = 1;

    public const uint WriteStreamFlagMore = 1;
    public const uint WriteStreamFlagFin = 2;

    public const uint StreamDataFlagFin = 1;

    public const uint StreamCloseFlagAppErrorCodeSet = 1;

    public const int CloseTypeTransport = 0;
    public const int CloseTypeApplication = 1;

    [LibraryImport(File, EntryPoint = "ngtcp2_version")]
    public static partial LibraryInformation* Version(int leastVersion);

    [LibraryImport(File, EntryPoint = "ngtcp2_strerror")]
    public static partial byte* ErrorText(int error);

    [LibraryImport(File, EntryPoint = "ngtcp2_settings_default_versioned")]
    public static partial void SettingsDefault(int version, Settings* settings);

    [LibraryImport(File, EntryPoint = "ngtcp2_transport_params_default_versioned")]
    public static partial void TransportParametersDefault(int version, TransportParameters* parameters);

    [LibraryImport(File, EntryPoint = "ngtcp2_pkt_decode_version_cid"), SuppressGCTransition]
    public static partial int DecodeVersionAndIds(
        VersionAndIds* result, byte* data, nuint length, nuint shortIdLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_accept")]
    public static partial int Accept(PacketHeader* header, byte* packet, nuint length);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_client_new_versioned")]
    public static partial int ClientNew(
        void** connection, NativeCid* destinationId, NativeCid* sourceId, NativePath* path, uint version,
        int callbacksVersion, NativeCallbacks* callbacks, int settingsVersion, Settings* settings,
        int parametersVersion, TransportParameters* parameters, void* allocator, void* user);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_server_new_versioned")]
    public static partial int ServerNew(
        void** connection, NativeCid* destinationId, NativeCid* sourceId, NativePath* path, uint version,
        int callbacksVersion, NativeCallbacks* callbacks, int settingsVersion, Settings* settings,
        int parametersVersion, TransportParameters* parameters, void* allocator, void* user);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_del")]
    public static partial void Delete(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_read_pkt_versioned")]
    public static partial int ReadPacket(
        void* connection, NativePath* path, int infoVersion, PacketInfo* info, byte* packet, nuint length,
        ulong now);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_writev_stream_versioned")]
    public static partial nint WriteStream(
        void* connection, NativePath* path, int infoVersion, PacketInfo* info, byte* destination,
        nuint destinationLength, nint* accepted, uint flags, long streamId, NativeVector* data, nuint dataCount,
        ulong now);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_write_connection_close_versioned")]
    public static partial nint WriteConnectionClose(
        void* connection, NativePath* path, int infoVersion, PacketInfo* info, byte* destination,
        nuint destinationLength, CloseError* error, ulong now);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_expiry"), SuppressGCTransition]
    public static partial ulong GetExpiry(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_handle_expiry")]
    public static partial int HandleExpiry(void* connection, ulong now);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_pto")]
    public static partial ulong GetProbeTimeout(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_update_pkt_tx_time")]
    public static partial void UpdatePacketTxTime(void* connection, ulong now);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_send_quantum")]
    public static partial nuint GetSendQuantum(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_conn_info_versioned"), SuppressGCTransition]
    public static partial void GetInfo(void* connection, int version, ConnectionInfo* info);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_initiate_immediate_migration")]
    public static partial int Migrate(void* connection, NativePath* path, ulong now);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_set_local_addr"), SuppressGCTransition]
    public static partial void SetLocalAddress(void* connection, NativeAddress* address);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_set_tls_native_handle")]
    public static partial void SetTlsHandle(void* connection, void* tls);

    /// <summary>The connection's own, not a copy.</summary>
    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_local_transport_params"), SuppressGCTransition]
    public static partial TransportParameters* GetLocalTransportParameters(void* connection);

    /// <summary>Null when they have not come.</summary>
    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_remote_transport_params"), SuppressGCTransition]
    public static partial void* GetRemoteTransportParameters(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_tls_alert")]
    public static partial byte GetTlsAlert(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_set_keep_alive_timeout")]
    public static partial void SetKeepAliveTimeout(void* connection, ulong nanoseconds);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_open_bidi_stream")]
    public static partial int OpenBidiStream(void* connection, long* streamId, void* streamUser);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_open_uni_stream")]
    public static partial int OpenUniStream(void* connection, long* streamId, void* streamUser);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_shutdown_stream_write")]
    public static partial int ShutdownStreamWrite(void* connection, uint flags, long streamId, ulong errorCode);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_shutdown_stream_read")]
    public static partial int ShutdownStreamRead(void* connection, uint flags, long streamId, ulong errorCode);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_extend_max_stream_offset")]
    public static partial int ExtendMaxStreamOffset(void* connection, long streamId, ulong length);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_extend_max_offset")]
    public static partial void ExtendMaxOffset(void* connection, ulong length);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_extend_max_streams_bidi")]
    public static partial void ExtendMaxStreamsBidi(void* connection, nuint count);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_extend_max_streams_uni")]
    public static partial void ExtendMaxStreamsUni(void* connection, nuint count);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_max_data_left"), SuppressGCTransition]
    public static partial ulong GetMaxDataLeft(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_is_local_stream"), SuppressGCTransition]
    public static partial int IsLocalStream(void* connection, long streamId);

    /// <summary>Copies the connection's own ids; with null it only says how many there are.</summary>
    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_scid")]
    public static partial nuint GetSourceIds(void* connection, NativeCid* destination);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_path"), SuppressGCTransition]
    public static partial NativePath* GetPath(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_crypto_ctx")]
    public static partial void* GetCryptoContext(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_negotiated_version")]
    public static partial uint NegotiatedVersion(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_install_tx_key")]
    public static partial int InstallSendingKey(
        void* connection, byte* secret, nuint secretLength, CryptoContext* seal, byte* vector, nuint vectorLength,
        CryptoContext* mask);

    [LibraryImport(File, EntryPoint = "ngtcp2_conn_get_ccerr")]
    public static partial CloseError* GetCloseError(void* connection);

    [LibraryImport(File, EntryPoint = "ngtcp2_ccerr_default")]
    public static partial void CloseErrorDefault(CloseError* error);

    [LibraryImport(File, EntryPoint = "ngtcp2_ccerr_set_liberr")]
    public static partial void CloseErrorSetLibraryError(
        CloseError* error, int libraryError, byte* reason, nuint reasonLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_ccerr_set_transport_error")]
    public static partial void CloseErrorSetTransport(
        CloseError* error, ulong code, byte* reason, nuint reasonLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_ccerr_set_tls_alert")]
    public static partial void CloseErrorSetTlsAlert(
        CloseError* error, byte alert, byte* reason, nuint reasonLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_ccerr_set_application_error")]
    public static partial void CloseErrorSetApplication(
        CloseError* error, ulong code, byte* reason, nuint reasonLength);

    [LibraryImport(File, EntryPoint = "ngtcp2_pkt_write_version_negotiation")]
    public static partial nint WriteVersionNegotiation(
        byte* destination, nuint length, byte unusedRandom, byte* destinationId, nuint destinationIdLength,
        byte* sourceId, nuint sourceIdLength, uint* versions, nuint versionCount);

    [LibraryImport(File, EntryPoint = "ngtcp2_pkt_write_stateless_reset")]
    public static partial nint WriteStatelessReset(
        byte* destination, nuint length, byte* token, byte* random, nuint randomLength);

    public static string Describe(int error) => $"{Marshal.PtrToStringUTF8((nint)ErrorText(error))} ({error})";
}
