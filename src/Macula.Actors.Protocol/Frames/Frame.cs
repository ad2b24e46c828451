using System.Buffers;

namespace Macula.Actors.Protocol;

/// <summary>One frame as it came off a stream: its type and the undecoded payload.</summary>
/// <param name="Type">A type of the table.</param>
/// <param name="Payload">The announced bytes, a slice of what was read from: valid only as long
/// as that buffer. Nothing has looked at them yet.</param>
public readonly record struct Frame(FrameType Type, ReadOnlySequence<byte> Payload)
{
    /// <summary>Bytes before the payload: version, type, flags, reserved, 32-bit length.</summary>
    public const int HeaderLength = 8;

    /// <summary>The first byte of every frame.</summary>
    public const byte Version = 1;

    /// <summary>Default limit of a payload in bytes: 1 MiB. The reference has no limit.</summary>
    public const int DefaultMaxPayload = 1024 * 1024;

    /// <summary>Writes the 8 header bytes; flags and reserved are 0.</summary>
    public static void WriteHeader(Span<byte> destination, FrameType type, int payloadLength)
    {
        destination[0] = Version;
        destination[1] = (byte)type;
        destination[2] = 0;
        destination[3] = 0;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(
            destination[4..], (uint)payloadLength);
    }
}
