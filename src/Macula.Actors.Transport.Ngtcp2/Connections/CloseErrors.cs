using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>What the peer is told when this side ends a connection for a transport's reasons.</summary>
internal static unsafe class CloseErrors
{
    public static CloseError FromLibrary(int libraryError, byte alert)
    {
        CloseError error;
        QuicLibrary.CloseErrorDefault(&error);
        if (libraryError == QuicError.Crypto && alert != 0)
            QuicLibrary.CloseErrorSetTlsAlert(&error, alert, null, 0);
        else
            QuicLibrary.CloseErrorSetLibraryError(&error, libraryError, null, 0);
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
