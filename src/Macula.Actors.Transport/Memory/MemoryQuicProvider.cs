using System.Net;

namespace Macula.Actors.Transport.Memory;

/// <summary>One machine on a <see cref="MemoryQuicNetwork"/>.</summary>
/// <param name="network">The network that all parties share.</param>
/// <param name="address">The machine's address; default 127.0.0.1. Machines with addresses of their own can be cut
/// off from each other. Listening on the "any" address means this one, and <c>localhost</c> too.</param>
public sealed class MemoryQuicProvider(MemoryQuicNetwork network, IPAddress? address = null) : IQuicProvider
{
    public string Name => "memory";

    public QuicSupport Support { get; } = new(true, "in memory, this process only");

    public IPAddress Address { get; } = address ?? IPAddress.Loopback;

    public ValueTask<IQuicListener> ListenAsync(
        QuicListenOptions options, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        QuicOptionChecks.Check(options);
        return new ValueTask<IQuicListener>(network.Listen(Address, options));
    }

    public async ValueTask<IQuicConnection> ConnectAsync(
        QuicConnectOptions options, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        QuicOptionChecks.Check(options);
        return await network.ConnectAsync(Address, options, cancellationToken).ConfigureAwait(false);
    }
}
