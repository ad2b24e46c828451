using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Makes the connection ids that a loop gives out, and tells which loop of the port gave out another.</summary>
/// <remarks>An id must not tell strangers which others belong to the same connection (RFC 9000, section 5.1). So the number
/// of the loop, the first byte, is masked by a hash of the other bytes, whose key is this process's own and random.</remarks>
internal sealed unsafe class ConnectionIds(int loop, int loops)
{
    /// <summary>Of the ids given out.</summary>
    public const int Length = 16;

    /// <summary>Loops of a port, at most: what a byte can tell apart, with most ids of others naming none.</summary>
    public const int MostLoops = 64;

    public int Loop => loop;

    public NativeCid New()
    {
        var id = SessionSettings.RandomId(Length);
        if (loops > 1) id.Data[0] = (byte)(loop ^ Mask(new ReadOnlySpan<byte>(id.Data, Length)));
        return id;
    }

    /// <summary>The loop that gave it out; this one where none did.</summary>
    public int OwnerOf(ReadOnlySpan<byte> id)
    {
        if (loops == 1 || id.Length != Length) return loop;
        var owner = id[0] ^ Mask(id);
        return owner < loops ? owner : loop;
    }

    private static byte Mask(ReadOnlySpan<byte> id) => (byte)KeyedHash.Of(MemoryMarshal.Cast<byte, char>(id[2..]));
}
