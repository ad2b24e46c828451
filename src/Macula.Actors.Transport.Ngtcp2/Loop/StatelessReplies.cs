using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Metrics;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Answers that need no connection. All are shorter than what asks for them.</summary>
internal sealed unsafe class StatelessReplies(
    SendBatch batch, ConnectionIds ids, StatelessResetTokens tokens, AnswerBudget budget, TransportMetrics metrics)
{
    /// <summary>RFC 9000, section 14.1: what a client's first datagram is padded to.</summary>
    private const int LeastInitialDatagram = 1200;

    /// <summary>RFC 9000, section 15: a version to be ignored, so that nobody comes to rely on the list.</summary>
    private const uint ReservedVersion = 0x1a2a3a4a;

    private const int MostRandom = 24;
    private const int LeastRandom = 5;

    public void VersionNegotiation(in VersionAndIds asked, int datagramLength, NativePath* path)
    {
        if (datagramLength < LeastInitialDatagram)
        {
            metrics.Drop(DropReason.Unreadable);
            return;
        }

        if (!MayAnswer(path)) return;
        var versions = stackalloc uint[] { ReservedVersion, QuicLibrary.QuicVersion1 };
        var packet = stackalloc byte[SendBatch.LargestPacket];
        var length = QuicLibrary.WriteVersionNegotiation(
            packet, SendBatch.LargestPacket, (byte)RandomNumberGenerator.GetInt32(256), asked.SourceId,
            asked.SourceIdLength, asked.DestinationId, asked.DestinationIdLength, versions, 2);
        Send(packet, length, path);
    }

    /// <summary>The peer speaks of a connection that is not known here, perhaps from before a restart.</summary>
    public void StatelessReset(in VersionAndIds asked, int datagramLength, NativePath* path)
    {
        // Shorter than what asks for it, or two endpoints could answer one another for ever.
        var randomLength = Math.Min(datagramLength - 1 - StatelessResetTokens.TokenLength, MostRandom);
        if (randomLength < LeastRandom)
        {
            metrics.Drop(DropReason.UnknownConnection);
            return;
        }

        if (!MayAnswer(path)) return;
        var cid = new NativeCid { Length = asked.DestinationIdLength };
        new ReadOnlySpan<byte>(asked.DestinationId, (int)asked.DestinationIdLength)
            .CopyTo(new Span<byte>(cid.Data, NativeCid.MaxLength));
        var token = stackalloc byte[StatelessResetTokens.TokenLength];
        tokens.Write(&cid, token);
        var random = stackalloc byte[MostRandom];
        RandomNumberGenerator.Fill(new Span<byte>(random, MostRandom));
        var packet = stackalloc byte[64];
        var length = QuicLibrary.WriteStatelessReset(packet, 64, token, random, (nuint)randomLength);
        Send(packet, length, path);
        metrics.ResetSent();
    }

    /// <summary>Come back with this token, from the address that you say you are at.</summary>
    public void Retry(PacketHeader* header, RetryTokens retryTokens, NativePath* path)
    {
        var id = ids.New();
        var token = stackalloc byte[RetryTokens.Room];
        var tokenLength = retryTokens.Write(token, header, &id, path);
        if (tokenLength <= 0) return;
        var packet = stackalloc byte[SendBatch.LargestPacket];
        var length = CryptoLibrary.WriteRetry(
            packet, SendBatch.LargestPacket, header->Version, &header->SourceId, &id, &header->DestinationId, token,
            (nuint)tokenLength);
        Send(packet, length, path);
        metrics.RetrySent();
    }

    /// <summary>CONNECTION_CLOSE in answer to a client's first packet.</summary>
    /// <param name="code">Of RFC 9000, section 20.1.</param>
    public void Refuse(PacketHeader* header, ulong code, NativePath* path)
    {
        if (MayAnswer(path)) WriteClose(header, code, path);
    }

    /// <summary>The same to one with a token that is not valid. One that was spoiled on the way is not its client's fault,
    /// who sends it again (RFC 9000, section 8.1.2: "otherwise valid").</summary>
    /// <returns>False when it was spoiled. Not looked at when it would not be answered anyway.</returns>
    public bool RefuseToken(PacketHeader* header, ReadOnlySpan<byte> datagram, ulong code, NativePath* path)
    {
        if (!MayAnswer(path)) return true;
        if (!InitialIntegrity.IsWhole(header, datagram))
        {
            metrics.Drop(DropReason.BadInitial);
            return false;
        }

        WriteClose(header, code, path);
        return true;
    }

    private void WriteClose(PacketHeader* header, ulong code, NativePath* path)
    {
        var packet = stackalloc byte[SendBatch.LargestPacket];
        var length = CryptoLibrary.WriteConnectionClose(
            packet, SendBatch.LargestPacket, header->Version, &header->SourceId, &header->DestinationId, code, null, 0);
        Send(packet, length, path);
    }

    private bool MayAnswer(NativePath* path)
    {
        if (budget.TryTake(path->Remote, Endpoint.Now)) return true;
        metrics.Drop(DropReason.TooManyAnswers);
        return false;
    }

    private void Send(byte* packet, nint length, NativePath* path)
    {
        if (length > 0) batch.Add(new ReadOnlySpan<byte>(packet, (int)length), path);
    }
}
