using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>The packet keys of a connection after its handshake: to send and to receive with, now and after the next key
/// update, which the library keeps ready. GnuTLS takes 0.8 KiB to work with each, so while nothing is sent or received there
/// are the keys alone: 4 KiB less for an idle connection.</summary>
/// <remarks>The library makes the first of them to receive with itself; which contexts have them is seen at the first
/// packet with a short header. Loop thread only.</remarks>
internal sealed unsafe class PacketKeys(nint owner)
{
    private PacketKey* _first;
    private byte[]? _open;
    private byte[]? _mask;

    /// <summary>A context is there.</summary>
    public bool AreInUse { get; set; }

    public bool AwaitsReceiving => _open is not null;

    public void NoteReceiving(ReadOnlySpan<byte> open, ReadOnlySpan<byte> mask) =>
        (_open, _mask) = (open.ToArray(), mask.ToArray());

    public void TakeReceiving(CryptoContext* open, CryptoContext* mask)
    {
        Take(ref _open, KeyPurpose.Open, open);
        Take(ref _mask, KeyPurpose.Mask, mask);
    }

    /// <summary>A key that is not needed yet; a context that it has is given back until then.</summary>
    public void Add(CryptoContext* context, KeyPurpose purpose, ReadOnlySpan<byte> key)
    {
        Replace(context, purpose, key);
        _first->Rest();
    }

    public void Remove(PacketKey* key)
    {
        fixed (PacketKey** list = &_first) PacketKey.Free(key, list);
    }

    /// <summary>Gives all contexts back; the next packet makes those anew that it needs.</summary>
    public void Rest()
    {
        for (var key = _first; key != null; key = key->Next) key->Rest();
        AreInUse = false;
    }

    /// <summary>The connection goes, with keys that never came to be used.</summary>
    public void Wipe()
    {
        Wipe(ref _open);
        Wipe(ref _mask);
    }

    private static void Wipe(ref byte[]? key)
    {
        CryptographicOperations.ZeroMemory(key);
        key = null;
    }

    private void Take(ref byte[]? key, KeyPurpose purpose, CryptoContext* context)
    {
        if (key is null || PacketKey.Of(context) != null) return;
        Replace(context, purpose, key);
        Wipe(ref key);
        AreInUse = true;
    }

    private void Replace(CryptoContext* context, KeyPurpose purpose, ReadOnlySpan<byte> key) =>
        _first = PacketKey.Replace(context, purpose, key, (void*)owner, _first);
}
