using System.Buffers.Binary;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>Finds the STOP_SENDING frames of a decrypted packet. The library answers them, and tells nobody which code
/// came with them.</summary>
/// <remarks>Knows the frames of RFC 9000, section 19, and RFC 9221; at anything else it stops looking: the library then
/// ends the connection.</remarks>
internal ref struct StopSendingScan(ReadOnlySpan<byte> frames)
{
    private ReadOnlySpan<byte> _rest = frames;

    public bool TryNext(out long streamId, out long errorCode)
    {
        (streamId, errorCode) = (0, 0);
        while (!_rest.IsEmpty)
        {
            if (_rest[0] == 0) // PADDING, often a thousand of them
            {
                _rest = _rest.TrimStart((byte)0);
                continue;
            }

            if (!TryNumber(out var type)) return false;
            if (type == 0x05) return TryNumber(out streamId) && TryNumber(out errorCode);
            if (!TrySkip(type)) return false;
        }

        return false;
    }

    private bool TrySkip(long type) => type switch
    {
        0x01 or 0x1e => true, // PING, HANDSHAKE_DONE
        0x02 or 0x03 => TrySkipAcknowledgement(withEcn: type == 0x03),
        0x04 => TrySkipNumbers(3), // RESET_STREAM
        0x06 => TrySkipNumbers(1) && TrySkipCounted(), // CRYPTO
        0x07 => TrySkipCounted(), // NEW_TOKEN
        >= 0x08 and <= 0x0f => TrySkipStream(type),
        0x10 or 0x12 or 0x13 or 0x14 or 0x16 or 0x17 or 0x19 => TrySkipNumbers(1), // MAX_*, *_BLOCKED, RETIRE_*
        0x11 or 0x15 => TrySkipNumbers(2), // MAX_STREAM_DATA, STREAM_DATA_BLOCKED
        0x18 => TrySkipNumbers(2) && TrySkipConnectionId(),
        0x1a or 0x1b => TrySkipBytes(8), // PATH_CHALLENGE, PATH_RESPONSE
        0x1c => TrySkipNumbers(2) && TrySkipCounted(), // CONNECTION_CLOSE
        0x1d => TrySkipNumbers(1) && TrySkipCounted(),
        0x31 => TrySkipCounted(), // DATAGRAM; one without a length reaches to the end
        _ => false,
    };

    private bool TrySkipStream(long type)
    {
        var (hasOffset, hasLength) = ((type & 0x04) != 0, (type & 0x02) != 0);
        if (!TrySkipNumbers(hasOffset ? 2 : 1)) return false;
        return hasLength && TrySkipCounted(); // without a length it reaches to the end
    }

    private bool TrySkipAcknowledgement(bool withEcn) =>
        TrySkipNumbers(2) && TryNumber(out var ranges) && TrySkipNumbers(1)
        && ranges <= _rest.Length / 2 && TrySkipNumbers(((int)ranges * 2) + (withEcn ? 3 : 0));

    private bool TrySkipConnectionId()
    {
        if (_rest.IsEmpty) return false;
        return TrySkipBytes(1 + _rest[0] + 16);
    }

    private bool TrySkipCounted() => TryNumber(out var length) && TrySkipBytes(length);

    private bool TrySkipNumbers(int count)
    {
        for (; count > 0; count--)
            if (!TryNumber(out _)) return false;
        return true;
    }

    private bool TrySkipBytes(long count)
    {
        if (count > _rest.Length) return false;
        _rest = _rest[(int)count..];
        return true;
    }

    /// <summary>A variable-length integer (RFC 9000, section 16).</summary>
    private bool TryNumber(out long value)
    {
        value = 0;
        if (_rest.IsEmpty) return false;
        var length = 1 << (_rest[0] >> 6);
        if (length > _rest.Length) return false;
        value = length switch
        {
            1 => _rest[0] & 0x3f,
            2 => BinaryPrimitives.ReadUInt16BigEndian(_rest) & 0x3fff,
            4 => BinaryPrimitives.ReadUInt32BigEndian(_rest) & 0x3fff_ffff,
            _ => (long)(BinaryPrimitives.ReadUInt64BigEndian(_rest) & 0x3fff_ffff_ffff_ffff),
        };
        _rest = _rest[length..];
        return true;
    }
}
