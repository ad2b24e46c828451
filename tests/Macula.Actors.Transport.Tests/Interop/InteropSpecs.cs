using System.Net;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Tests.Ngtcp2;

namespace Macula.Actors.Transport.Tests.Interop;

/// <summary>What the specs with programs of others have in common.</summary>
[Collection(Ngtcp2Specs.Name)]
public abstract class InteropSpecs : IDisposable
{
    protected const int Big = 300_000;

    protected static readonly TimeSpan ShortIdle = TimeSpan.FromSeconds(1);

    private protected PemFiles Files { get; } = new();

    public void Dispose()
    {
        Files.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Connects to a server of others.</summary>
    protected static Task<IQuicConnection> Connect(
        int port, Func<QuicConnectOptions, QuicConnectOptions>? change = null)
    {
        var options = new QuicConnectOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, port),
            ServerName = "localhost",
            Trust = TestCertificates.Shared.Trust,
        };
        return new Ngtcp2Provider().ConnectAsync(change?.Invoke(options) ?? options).AsTask().WaitAsync(Pair.Patience);
    }
}
