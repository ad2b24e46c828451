using System.Runtime.InteropServices;

namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>GnuTLS. Only what is used; the names are the library's without their prefix.</summary>
internal static unsafe partial class TlsLibrary
{
    public const string File = "libgnutls.so.30";

    public const uint Server = 1;
    public const uint Client = 2;
    public const uint NoTickets = 1 << 10;
    public const uint NoEndOfEarlyData = 1 << 22;

    public const int CredentialsCertificate = 1;
    public const int FormatPem = 1;
    public const uint AlpnMandatory = 1;
    public const int NameDns = 1;
    public const uint HandshakeClientHello = 1;
    public const int HookPost = 1;
    public const int CertificateRequest = 1;
    public const int CertificateRequire = 2;

    /// <summary>GNUTLS_E_NO_APPLICATION_PROTOCOL: ends the handshake with alert 120.</summary>
    public const int NoApplicationProtocol = -344;

    /// <summary>GNUTLS_E_MISSING_EXTENSION: ends the handshake with alert 109.</summary>
    public const int MissingExtension = -427;

    [LibraryImport(File, EntryPoint = "gnutls_check_version")]
    public static partial byte* CheckVersion(byte* atLeast);

    [LibraryImport(File, EntryPoint = "gnutls_strerror")]
    public static partial byte* ErrorText(int error);

    [LibraryImport(File, EntryPoint = "gnutls_init")]
    public static partial int Init(void** session, uint flags);

    [LibraryImport(File, EntryPoint = "gnutls_cipher_init")]
    public static partial int InitCipher(nint* context, int algorithm, Datum* key, Datum* vector);

    [LibraryImport(File, EntryPoint = "gnutls_cipher_deinit")]
    public static partial void DeinitCipher(nint context);

    [LibraryImport(File, EntryPoint = "gnutls_handshake_set_secret_function")]
    public static partial void SetSecretFunction(
        void* session, delegate* unmanaged[Cdecl]<void*, int, byte*, byte*, nuint, int> function);

    [LibraryImport(File, EntryPoint = "gnutls_deinit")]
    public static partial void Deinit(void* session);

    [LibraryImport(File, EntryPoint = "gnutls_priority_init")]
    public static partial int PriorityInit(void** priority, byte* text, byte** errorPosition);

    [LibraryImport(File, EntryPoint = "gnutls_priority_set")]
    public static partial int PrioritySet(void* session, void* priority);

    [LibraryImport(File, EntryPoint = "gnutls_certificate_allocate_credentials")]
    public static partial int AllocateCredentials(void** credentials);

    [LibraryImport(File, EntryPoint = "gnutls_certificate_free_credentials")]
    public static partial void FreeCredentials(void* credentials);

    [LibraryImport(File, EntryPoint = "gnutls_certificate_set_x509_key_mem")]
    public static partial int SetCertificateAndKey(void* credentials, Datum* certificates, Datum* key, int format);

    [LibraryImport(File, EntryPoint = "gnutls_credentials_set")]
    public static partial int CredentialsSet(void* session, int type, void* credentials);

    [LibraryImport(File, EntryPoint = "gnutls_alpn_set_protocols")]
    public static partial int AlpnSetProtocols(void* session, Datum* protocols, uint count, uint flags);

    [LibraryImport(File, EntryPoint = "gnutls_alpn_get_selected_protocol")]
    public static partial int AlpnGetSelectedProtocol(void* session, Datum* protocol);

    [LibraryImport(File, EntryPoint = "gnutls_server_name_set")]
    public static partial int ServerNameSet(void* session, int type, byte* name, nuint length);

    [LibraryImport(File, EntryPoint = "gnutls_server_name_get")]
    public static partial int ServerNameGet(void* session, byte* data, nuint* length, uint* type, uint index);

    [LibraryImport(File, EntryPoint = "gnutls_session_set_ptr")]
    public static partial void SessionSetPointer(void* session, void* pointer);

    [LibraryImport(File, EntryPoint = "gnutls_session_get_ptr")]
    public static partial void* SessionGetPointer(void* session);

    [LibraryImport(File, EntryPoint = "gnutls_session_set_verify_function")]
    public static partial void SetVerifyFunction(void* session, delegate* unmanaged[Cdecl]<void*, int> verify);

    [LibraryImport(File, EntryPoint = "gnutls_certificate_get_peers")]
    public static partial Datum* GetPeerCertificates(void* session, uint* count);

    [LibraryImport(File, EntryPoint = "gnutls_certificate_server_set_request")]
    public static partial void ServerSetRequest(void* session, int request);

    [LibraryImport(File, EntryPoint = "gnutls_handshake_set_post_client_hello_function")]
    public static partial void SetAfterClientHello(void* session, delegate* unmanaged[Cdecl]<void*, int> function);

    [LibraryImport(File, EntryPoint = "gnutls_handshake_set_hook_function")]
    public static partial void HandshakeSetHook(
        void* session, uint handshakeType, int when,
        delegate* unmanaged[Cdecl]<void*, uint, uint, uint, Datum*, int> hook);

    /// <exception cref="QuicTransportException">The result is an error.</exception>
    public static void Check(int result, string what)
    {
        if (result >= 0) return;
        var text = Marshal.PtrToStringUTF8((nint)ErrorText(result));
        throw new QuicTransportException(QuicTransportError.InternalError, $"GnuTLS: {what}: {text} ({result})");
    }
}
