namespace Macula.Actors.Fuzz;

/// <summary>What a server answered to a first packet, as far as it can be read without a TLS handshake.</summary>
/// <param name="Kind">Which packet it is.</param>
/// <param name="SourceId">The connection id that the server goes by.</param>
/// <param name="Token">Of a Retry packet.</param>
/// <param name="CloseCode">The transport error code of the CONNECTION_CLOSE in it, if there is one.</param>
internal sealed record ServerAnswer(AnswerKind Kind, byte[] SourceId, byte[] Token, long? CloseCode)
{
    private const int RetryTagLength = 16;
    private const byte ConnectionClose = 0x1c;

    /// <param name="firstId">The destination id of the packet that this answers.</param>
    public static ServerAnswer Parse(byte[] datagram, ReadOnlySpan<byte> firstId)
    {
        if ((datagram[0] & 0x80) == 0) return new(AnswerKind.Short, [], [], null);
        var at = 6 + datagram[5];
        var sourceId = datagram[(at + 1)..(at + 1 + datagram[at])];
        at += 1 + sourceId.Length;
        if (datagram.AsSpan(1, 4).IndexOfAnyExcept((byte)0) < 0)
            return new(AnswerKind.VersionNegotiation, sourceId, [], null);
        switch ((datagram[0] >> 4) & 3)
        {
            case 0:
                var tokenLength = VariableLength.Read(datagram, ref at);
                at += (int)tokenLength;
                var length = VariableLength.Read(datagram, ref at);
                var payload = InitialKeys.Server(firstId).Unprotect(datagram, at, at + (int)length);
                return new(AnswerKind.Initial, sourceId, [], payload is null ? null : FindClose(payload));
            case 3:
                return new(AnswerKind.Retry, sourceId, datagram[at..^RetryTagLength], null);
            default:
                return new(AnswerKind.OtherLong, sourceId, [], null);
        }
    }

    private static long? FindClose(byte[] payload)
    {
        var at = 0;
        while (at < payload.Length && payload[at] == 0) at++; // PADDING
        if (at >= payload.Length || payload[at] != ConnectionClose) return null;
        at++;
        return VariableLength.Read(payload, ref at);
    }
}

/// <summary>Kinds of packets that a server sends to somebody that it has no keys with yet.</summary>
internal enum AnswerKind
{
    Initial,
    Retry,
    OtherLong,
    VersionNegotiation,

    /// <summary>A stateless reset looks like one.</summary>
    Short,
}
