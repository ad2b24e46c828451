using System.Net;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests;

/// <summary>Tells of each stream that was accepted.</summary>
internal sealed class CountingConnection(IQuicConnection inner, Action accepted) : IQuicConnection
{
    public IPEndPoint LocalEndPoint => inner.LocalEndPoint;

    public IPEndPoint RemoteEndPoint => inner.RemoteEndPoint;

    public string ApplicationProtocol => inner.ApplicationProtocol;

    public string? ServerName => inner.ServerName;

    public X509Certificate2? RemoteCertificate => inner.RemoteCertificate;

    public Task<QuicClosed> Closed => inner.Closed;

    public ValueTask<IQuicStream> OpenStreamAsync(CancellationToken cancellationToken = default) =>
        inner.OpenStreamAsync(cancellationToken);

    public ValueTask<IQuicStream> OpenUnidirectionalStreamAsync(CancellationToken cancellationToken = default) =>
        inner.OpenUnidirectionalStreamAsync(cancellationToken);

    public async ValueTask<IQuicStream> AcceptStreamAsync(CancellationToken cancellationToken = default)
    {
        var stream = await inner.AcceptStreamAsync(cancellationToken);
        accepted();
        return stream;
    }

    public ValueTask CloseAsync(long errorCode, string reason = "", CancellationToken cancellationToken = default) =>
        inner.CloseAsync(errorCode, reason, cancellationToken);

    public void Abort(long errorCode, string reason = "") => inner.Abort(errorCode, reason);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
