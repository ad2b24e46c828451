using System.Runtime.InteropServices;

#pragma warning disable CS0649 // the library fills them

namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>gnutls_datum_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Datum
{
    public byte* Data;
    public uint Size;

    public readonly ReadOnlySpan<byte> Span => new(Data, (int)Size);
}

/// <summary>What a GnuTLS session points to. The first two words are ngtcp2_crypto_conn_ref; ours follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ConnectionReference
{
    public delegate* unmanaged[Cdecl]<ConnectionReference*, void*> GetConnection;
    public void* Connection;
    public nint SessionHandle;
}

/// <summary>ngtcp2_crypto_aead_ctx and ngtcp2_crypto_cipher_ctx; of ngtcp2_crypto_cipher the first field.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CryptoContext
{
    public nint Handle;
}
