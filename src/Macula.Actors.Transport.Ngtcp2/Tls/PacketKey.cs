using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>What a packet key is for (RFC 9001, section 5).</summary>
internal enum KeyPurpose : byte
{
    Seal,
    Open,
    Mask,
}

/// <summary>One key of a connection after its handshake, with the context of GnuTLS that works with it, while there is
/// one.</summary>
/// <remarks>The library knows it in the place of the context: <see cref="CryptoContext.Handle"/> is its address plus one,
/// which no context of GnuTLS has.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PacketKey
{
    public const int MostBytes = 32;

    private nint _context;
    private PacketKey* _next;
    private nint _owner;
    private KeyPurpose _purpose;
    private byte _length;
    private fixed byte _bytes[MostBytes];

    public readonly bool HasContext => _context != 0;

    public readonly PacketKey* Next => _next;

    /// <summary>The session that it belongs to, as the library knows it.</summary>
    public readonly void* Owner => (void*)_owner;

    /// <summary>Null when the library has the context itself.</summary>
    public static PacketKey* Of(CryptoContext* context) =>
        (context->Handle & 1) == 0 ? null : (PacketKey*)(context->Handle - 1);

    /// <summary>Takes the place of a context, and the context over, if there is one already.</summary>
    /// <param name="next">The list that it becomes the first of.</param>
    public static PacketKey* Replace(
        CryptoContext* context, KeyPurpose purpose, ReadOnlySpan<byte> bytes, void* owner, PacketKey* next)
    {
        var key = (PacketKey*)NativeMemory.AllocZeroed((nuint)sizeof(PacketKey));
        key->_context = context->Handle;
        key->_next = next;
        key->_owner = (nint)owner;
        (key->_purpose, key->_length) = (purpose, (byte)bytes.Length);
        bytes.CopyTo(new Span<byte>(key->_bytes, MostBytes));
        context->Handle = (nint)key + 1;
        Counters.PacketKey(1);
        if (key->HasContext) Counters.KeyContext(1);
        return key;
    }

    /// <summary>The context to work with, made when there is none.</summary>
    /// <param name="algorithm">The AEAD or the cipher, as the library names it.</param>
    /// <param name="nonceLength">Of the AEAD.</param>
    public bool TryUse(void* algorithm, nuint nonceLength, out CryptoContext context)
    {
        context = default;
        if (_context == 0)
        {
            var made = default(CryptoContext);
            fixed (byte* bytes = _bytes)
            {
                var datum = new Datum { Data = bytes, Size = _length };
                var result = _purpose switch
                {
                    KeyPurpose.Seal => CryptoLibrary.InitSealing(&made, algorithm, bytes, nonceLength),
                    KeyPurpose.Open => CryptoLibrary.InitOpening(&made, algorithm, bytes, nonceLength),
                    _ => TlsLibrary.InitCipher(&made.Handle, (int)((CryptoContext*)algorithm)->Handle, &datum, null),
                };
                if (result != 0) return false;
            }

            _context = made.Handle;
            Counters.KeyContext(1);
        }

        context.Handle = _context;
        return true;
    }

    /// <summary>Gives the context back.</summary>
    public void Rest()
    {
        if (_context == 0) return;
        var context = new CryptoContext { Handle = _context };
        if (_purpose == KeyPurpose.Mask) TlsLibrary.DeinitCipher(_context);
        else CryptoLibrary.FreeContext(&context);
        _context = 0;
        Counters.KeyContext(-1);
    }

    /// <summary>Takes it out of its list, wipes and frees it.</summary>
    public static void Free(PacketKey* key, PacketKey** list)
    {
        while (*list != key) list = &(*list)->_next;
        *list = key->_next;
        key->Rest();
        NativeMemory.Clear(key, (nuint)sizeof(PacketKey));
        Poison.Free(key, (nuint)sizeof(PacketKey));
        Counters.PacketKey(-1);
    }
}
