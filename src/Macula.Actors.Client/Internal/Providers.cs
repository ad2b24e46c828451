using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.SystemNetQuic;

namespace Macula.Actors.Client.Internal;

/// <summary>Which QUIC a client uses. Providers are shared by all clients of the process.</summary>
internal static class Providers
{
    private static readonly IQuicProvider[] Known = [new Ngtcp2Provider(), new SystemQuicProvider()];

    /// <exception cref="MaculaConnectionException">None can run here, or the wanted one cannot.
    /// </exception>
    public static IQuicProvider Choose(MaculaClientOptions options)
    {
        if (options.Provider is { } given) return given;

        try
        {
            return QuicProviders.Choose(Known, options.ProviderName).Provider;
        }
        catch (QuicTransportException error)
        {
            throw new MaculaConnectionException(MaculaErrorCodes.ConnectFailed, error.Message, error);
        }
    }
}
