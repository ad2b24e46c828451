using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Client.Internal;

/// <summary>Which QUIC a client uses.</summary>
internal static class Providers
{
    private static readonly Lazy<Ngtcp2Provider> Ngtcp2 = new(() => new Ngtcp2Provider());

    public static IQuicProvider Choose(MaculaClientOptions options) => options.Provider ?? Ngtcp2.Value;
}
