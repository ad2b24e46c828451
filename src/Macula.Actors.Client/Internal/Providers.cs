using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.SystemNetQuic;

namespace Macula.Actors.Client.Internal;

/// <summary>Which QUIC a client uses. Providers are shared by all clients of the process.</summary>
internal static class Providers
{
    /// <summary>In order of preference, a node's own.</summary>
    internal static readonly IQuicProvider[] Known = [new SystemQuicProvider(), new Ngtcp2Provider()];

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
