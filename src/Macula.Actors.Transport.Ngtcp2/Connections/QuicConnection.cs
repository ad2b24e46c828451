using System.Net;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Transport.Ngtcp2.Streams;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>The user's side of a connection. It outlives the session and everything native.</summary>
internal sealed class QuicConnection(Session session) : IQuicConnection
{
    private readonly TaskCompletionSource<QuicClosed> _closed =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Null on a server: its listener hands a connection out when it is ready.
    private readonly TaskCompletionSource? _ready =
        session.IsServer ? null : new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly InboundStreams _inbound = new();
    private int _closeRequested;

    public IPEndPoint LocalEndPoint => session.Endpoint.Socket.LocalEndPoint;

    public IPEndPoint RemoteEndPoint => session.Remote.EndPoint;

    public string ApplicationProtocol => session.Protocol ?? "";

    public string? ServerName => session.ServerName;

    public X509Certificate2? RemoteCertificate => session.PeerCertificates?.Leaf;

    public Task<QuicClosed> Closed => _closed.Task;

    /// <summary>A client's handshake is complete and confirmed; a server has it complete from the start.</summary>
    public Task Ready => _ready?.Task ?? Task.CompletedTask;

    public ValueTask<IQuicStream> OpenStreamAsync(CancellationToken cancellationToken = default) =>
        OpenAsync(isUnidirectional: false, cancellationToken);

    public ValueTask<IQuicStream> OpenUnidirectionalStreamAsync(CancellationToken cancellationToken = default) =>
        OpenAsync(isUnidirectional: true, cancellationToken);

    public ValueTask<IQuicStream> AcceptStreamAsync(CancellationToken cancellationToken = default) =>
        _inbound.TakeAsync(cancellationToken);

    public async ValueTask CloseAsync(
        long errorCode, string reason = "", CancellationToken cancellationToken = default)
    {
        RequestClose(errorCode, reason, orderly: true);
        await _closed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public void Abort(long errorCode, string reason = "") => RequestClose(errorCode, reason, orderly: false);

    public async ValueTask DisposeAsync()
    {
        if (Volatile.Read(ref _closeRequested) == 0) Abort(session.Options.DefaultCloseErrorCode);
        await _closed.Task.ConfigureAwait(false);
        while (_inbound.TryTake(out var stream)) await stream.DisposeAsync().ConfigureAwait(false);
        session.PeerCertificates?.Dispose();
        // The last one out waits for the port to be free.
        if (session.IsServer && session.Endpoint.Group.IsStopping) await session.Endpoint.Group.Stopped.ConfigureAwait(false);
    }

    /// <summary>Loop thread.</summary>
    public void OnReady() => _ready?.TrySetResult();

    /// <summary>Loop thread: the peer opened a stream.</summary>
    public void Announce(QuicStream stream) => _inbound.Add(stream);

    /// <summary>Loop thread, last of all.</summary>
    public void OnEnded(QuicClosed closed, Failure failure)
    {
        _inbound.End(failure);
        if (_ready?.TrySetException(failure.ToException()) is true) _ = _ready.Task.Exception; // observed, if by nobody else
        _closed.TrySetResult(closed);
    }

    private async ValueTask<IQuicStream> OpenAsync(bool isUnidirectional, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var request = new OpenRequest(session, isUnidirectional);
        session.Endpoint.Post(request);
        if (session.EndFailure is { } failure) request.Fail(failure); // the loop may be gone
        using var cancellation = cancellationToken.UnsafeRegister(
            static (state, token) => ((OpenRequest)state!).Cancel(token), request);
        return await request.Task.ConfigureAwait(false);
    }

    private void RequestClose(long errorCode, string reason, bool orderly)
    {
        QuicOptionChecks.CheckErrorCode(errorCode);
        ArgumentNullException.ThrowIfNull(reason);
        Volatile.Write(ref _closeRequested, 1);
        if (_closed.Task.IsCompleted) return;
        var request = new CloseRequest(errorCode, reason, orderly);
        session.Endpoint.Post(() => session.Close(request));
    }
}
