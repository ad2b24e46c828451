using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Macula.Actors.Protocol;

/// <summary>The id of a gateway that was given no name.</summary>
public static class GatewayNodeId
{
    /// <summary>SHA-256 of the Erlang external term of {realm, port}, as the reference has it: the
    /// same realm and port are the same id on every machine.</summary>
    /// <param name="realm">The realm name.</param>
    /// <param name="port">UDP port, 0 to 65535.</param>
    public static NodeId ForRealm(Utf8Text realm, int port)
    {
        const byte version = 131, smallTuple = 104, binary = 109, smallInteger = 97, integer = 98;

        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, ushort.MaxValue);

        var term = new byte[8 + realm.Length + (port <= byte.MaxValue ? 2 : 5)];
        term[0] = version;
        term[1] = smallTuple;
        term[2] = 2;
        term[3] = binary;
        BinaryPrimitives.WriteInt32BigEndian(term.AsSpan(4), realm.Length);
        realm.Span.CopyTo(term.AsSpan(8));
        var tail = term.AsSpan(8 + realm.Length);
        if (port <= byte.MaxValue)
        {
            tail[0] = smallInteger;
            tail[1] = (byte)port;
        }
        else
        {
            tail[0] = integer;
            BinaryPrimitives.WriteInt32BigEndian(tail[1..], port);
        }

        return new NodeId(SHA256.HashData(term));
    }
}
