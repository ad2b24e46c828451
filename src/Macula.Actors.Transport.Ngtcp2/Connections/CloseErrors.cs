using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>What the peer is told when this side ends a connection for a transport's reasons.</summary>
internal static unsafe class CloseErrors
{
    /// <param name="reason">Beside the code, for the peer's log: TLS has one code for most of what can be wrong with a
    /// certificate. The error points to it.</param>
    public static CloseError FromLibrary(int libraryError, byte alert, byte* reason, int reasonLength)
    {
        CloseError error;
        QuicLibrary.CloseErrorDefault(&error);
        if (libraryError == QuicError.Crypto && alert != 0)
            QuicLibrary.CloseErrorSetTlsAlert(&error, alert, reason, (nuint)reasonLength);
        else
            QuicLibrary.CloseErrorSetLibraryError(&error, libraryError, reason, (nuint)reasonLength);
        return error;
    }

    public static CloseError From(Failure failure)
    {
        CloseError error;
        QuicLibrary.CloseErrorDefault(&error);
        switch (failure.Error)
        {
            case QuicTransportError.AlpnMismatch:
                QuicLibrary.CloseErrorSetTlsAlert(&error, Failure.AlertNoApplicationProtocol, null, 0);
                break;
            case QuicTransportError.ConnectionRefused:
                QuicLibrary.CloseErrorSetTransport(&error, TransportCode.ConnectionRefused, null, 0);
                break;
            default:
                QuicLibrary.CloseErrorSetTransport(&error, TransportCode.InternalError, null, 0);
                break;
        }

        return error;
    }
}
