using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Connections;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Tls;

/// <summary>What GnuTLS calls during a handshake. An exception that left one of these would end the process.</summary>
internal static unsafe class TlsCallbacks
{
    private const int Refuse = -1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void* GetConnection(ConnectionReference* reference) => reference->Connection;

    /// <summary>Runs after CertificateVerify was checked; refusing ends the handshake with alert 42.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Verify(void* tls)
    {
        Session? session = null;
        try
        {
            var reference = (ConnectionReference*)TlsLibrary.SessionGetPointer(tls);
            session = Session.From((void*)reference->SessionHandle);
            return session.VerifyPeer() ? 0 : Refuse;
        }
        catch (Exception fault)
        {
            session?.Remember(fault);
            return Refuse;
        }
    }

    /// <summary>The client has said which name it asks for; the server's certificate is chosen after this.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int SelectCertificate(void* tls)
    {
        ServerSession? session = null;
        try
        {
            var reference = (ConnectionReference*)TlsLibrary.SessionGetPointer(tls);
            session = (ServerSession)Session.From((void*)reference->SessionHandle);
            session.SelectCertificate();
            return 0;
        }
        catch (Exception fault)
        {
            session?.Remember(fault);
            return Refuse;
        }
    }

    /// <summary>GnuTLS refuses a wrong application protocol, but lets in a client that names none.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int AfterClientHello(void* tls, uint type, uint when, uint incoming, Datum* message)
    {
        try
        {
            if (!HasTransportParameters(tls)) return TlsLibrary.MissingExtension;
            Datum protocol;
            return TlsLibrary.AlpnGetSelectedProtocol(tls, &protocol) == 0 ? 0 : TlsLibrary.NoApplicationProtocol;
        }
        catch (Exception)
        {
            return Refuse; // a library without the export: nothing that a peer could cause
        }
    }

    /// <summary>A client that sends none has to be refused (RFC 9001, section 8.2). GnuTLS does not care, and libngtcp2 takes
    /// it for granted: it would end the process by a failed assertion.</summary>
    private static bool HasTransportParameters(void* tls)
    {
        var reference = (ConnectionReference*)TlsLibrary.SessionGetPointer(tls);
        return QuicLibrary.GetRemoteTransportParameters(reference->Connection) != null;
    }
}
