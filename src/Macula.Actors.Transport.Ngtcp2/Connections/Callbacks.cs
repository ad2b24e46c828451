using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>What the library calls, always on the loop thread. An exception that left one of these would end the
/// process; it is remembered and ends the connection instead.</summary>
internal static unsafe class Callbacks
{
    private const int DestinationIdActivated = 0;
    private const int PathValidated = 0;
    private const int PathValidationFailed = 1; // else it was given up: the peer has moved on, or back
    // RFC 8446, sections 4 and 4.6.3: type and length.
    private static ReadOnlySpan<byte> TlsKeyUpdate => [24, 0, 0, 1];

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void Random(byte* destination, nuint length, void* context)
    {
        try
        {
            RandomNumberGenerator.Fill(new Span<byte>(destination, (int)length));
        }
        catch (Exception fault)
        {
            Environment.FailFast("no random numbers", fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int NewConnectionId(void* native, NativeCid* cid, byte* token, nuint length, void* user)
    {
        var session = Session.From(user);
        try
        {
            *cid = session.Endpoint.Ids.New();
            session.Endpoint.ResetTokens.Write(cid, token);
            session.Endpoint.Routes.Add(new CidKey(cid), session);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int RemoveConnectionId(void* native, NativeCid* cid, void* user)
    {
        var session = Session.From(user);
        try
        {
            session.Endpoint.Routes.Remove(new CidKey(cid), session);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    /// <summary>The peer's ids come into use and go, with the tokens that its stateless resets would carry.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int DestinationIdStatus(
        void* native, int type, ulong sequence, NativeCid* cid, byte* token, void* user)
    {
        var session = Session.From(user);
        try
        {
            if (token == null) return 0;
            var key = new CidKey(new ReadOnlySpan<byte>(token, StatelessResetTokens.TokenLength));
            if (type == DestinationIdActivated) session.AddResetToken(key);
            else session.RemoveResetToken(key);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int PathChallengeData(void* native, byte* data, void* user)
    {
        var session = Session.From(user);
        try
        {
            var challenge = new Span<byte>(data, PathCredit.ChallengeLength);
            RandomNumberGenerator.Fill(challenge);
            session.OnChallenge(challenge);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int PathValidation(
        void* native, uint flags, NativePath* path, NativePath* fallback, int outcome, void* user)
    {
        var session = Session.From(user);
        try
        {
            if (outcome is PathValidated or PathValidationFailed)
                session.OnPathJudged(isThere: outcome == PathValidated, isBack: fallback != null);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int StatelessReset(void* native, void* reset, void* user)
    {
        var session = Session.From(user);
        try
        {
            session.FailLater(new Failure(
                QuicTransportError.StatelessReset, "the peer no longer knows the connection (stateless reset)"));
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int VersionNegotiation(
        void* native, PacketHeader* header, uint* versions, nuint count, void* user)
    {
        var session = Session.From(user);
        try
        {
            var offered = new List<string>();
            for (var i = 0; i < (int)Math.Min(count, 16); i++) offered.Add($"0x{versions[i]:x8}");
            session.FailLater(new Failure(
                QuicTransportError.VersionNegotiation,
                $"the peer speaks other QUIC versions: {string.Join(", ", offered)}"));
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    /// <summary>After the handshake a server's TLS session is gone; a client has nothing more to say there.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int CryptoData(
        void* native, int encryptionLevel, ulong offset, byte* data, nuint length, void* user)
    {
        var session = Session.From(user);
        try
        {
            if (session.HasTls)
                return CryptoLibrary.ReceiveCryptoData(native, encryptionLevel, offset, data, length, user);
            // A server may still send tickets, which nobody here would use; KeyUpdate it may not (RFC 9001, section 6).
            return session.IsServer || new ReadOnlySpan<byte>(data, (int)length).StartsWith(TlsKeyUpdate)
                ? QuicError.Crypto
                : 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int HandshakeCompleted(void* native, void* user)
    {
        var session = Session.From(user);
        try
        {
            session.OnHandshakeCompleted();
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int HandshakeConfirmed(void* native, void* user)
    {
        var session = Session.From(user);
        try
        {
            session.OnHandshakeConfirmed();
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int StreamOpen(void* native, long id, void* user)
    {
        var session = Session.From(user);
        try
        {
            session.Streams.FindOrAnnounce(id);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int StreamData(
        void* native, uint flags, long id, ulong offset, byte* data, nuint length, void* user, void* streamUser)
    {
        var session = Session.From(user);
        try
        {
            var bytes = new ReadOnlySpan<byte>(data, (int)length);
            // A stream that a later one opened implicitly is announced with its first bytes.
            if (session.Streams.FindOrAnnounce(id) is { } stream)
                session.Streams.OnData(stream, bytes, (flags & QuicLibrary.StreamDataFlagFin) != 0);
            else
                session.Streams.CreditConnection(bytes.Length);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Acknowledged(
        void* native, long id, ulong offset, ulong length, void* user, void* streamUser)
    {
        var session = Session.From(user);
        try
        {
            session.Streams.Find(id)?.Sending.Acknowledged((long)(offset + length));
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int StreamClose(
        void* native, uint flags, long id, ulong errorCode, void* user, void* streamUser)
    {
        var session = Session.From(user);
        try
        {
            session.Streams.OnClosed(id);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int StreamReset(
        void* native, long id, ulong finalSize, ulong errorCode, void* user, void* streamUser)
    {
        var session = Session.From(user);
        try
        {
            session.Streams.FindOrAnnounce(id)?.OnReset((long)errorCode);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int StreamWindowOpened(void* native, long id, ulong window, void* user, void* streamUser)
    {
        var session = Session.From(user);
        try
        {
            if (session.Streams.Find(id) is { } stream) session.Streams.Unpark(stream);
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int MoreStreamsAllowed(void* native, ulong most, void* user)
    {
        var session = Session.From(user);
        try
        {
            session.Streams.ServeOpenRequests();
            return 0;
        }
        catch (Exception fault)
        {
            return Failed(session, fault);
        }
    }

    private static int Failed(Session session, Exception fault)
    {
        session.Remember(fault);
        return QuicError.CallbackFailure;
    }
}
