using System.Collections.Concurrent;
using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Runtime.Versioning;
using System.Threading.Channels;

namespace Macula.Actors.Transport.SystemNetQuic;

/// <summary>A listener of System.Net.Quic.</summary>
/// <remarks>System.Net.Quic reports failed handshakes to whoever accepts, and only then; so a loop accepts all the
/// time, and keeps one connection in hand while the rest of the backlog waits below, where more is refused.</remarks>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class SystemQuicListener : IQuicListener
{
    private const int MaxRefusals = 100;

    private readonly QuicListenOptions _options;
    private readonly ConcurrentQueue<string> _refusals = new();
    private readonly Channel<SystemQuicConnection> _inHand = Channel.CreateBounded<SystemQuicConnection>(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private QuicListener _listener = null!;
    private Task _accepting = null!;
    private Task? _disposing;

    private SystemQuicListener(QuicListenOptions options) => _options = options;

    public IPEndPoint LocalEndPoint => _listener.LocalEndPoint;

    public static async ValueTask<SystemQuicListener> StartAsync(
        QuicListenOptions options, CancellationToken cancellationToken)
    {
        var listener = new SystemQuicListener(options);
        var settings = SystemQuicSettings.ForServer(options, listener.OnRefusal);
        listener._listener = await QuicListener.ListenAsync(
            new QuicListenerOptions
            {
                ListenEndPoint = options.EndPoint,
                ApplicationProtocols = [new SslApplicationProtocol(options.ApplicationProtocol)],
                ListenBacklog = Math.Max(1, options.AcceptBacklog - 1),
                ConnectionOptionsCallback = (_, hello, _) => ValueTask.FromResult(
                    options.CertificateSelector is { } select
                        ? SystemQuicSettings.ForServer(Shown(options, select, hello), listener.OnRefusal)
                        : settings),
            },
            cancellationToken).ConfigureAwait(false);
        listener._accepting = listener.AcceptAsync();
        return listener;
    }

    public async ValueTask<IQuicConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _inHand.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException closed)
        {
            throw closed.InnerException is { } broken
                ? SystemQuicErrors.Translate(broken)
                : new QuicTransportException(QuicTransportError.OperationAborted, "the listener was disposed");
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _disposing ??= RunAsync();
            return new ValueTask(_disposing);
        }

        async Task RunAsync()
        {
            await Task.Yield(); // out of the lock
            await _stopping.CancelAsync().ConfigureAwait(false);
            _inHand.Writer.TryComplete();
            await _listener.DisposeAsync().ConfigureAwait(false);
            await _accepting.ConfigureAwait(false);
            while (_inHand.Reader.TryRead(out var waiting)) await waiting.DisposeAsync().ConfigureAwait(false);
            _stopping.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        var token = _stopping.Token;
        try
        {
            while (await _inHand.Writer.WaitToWriteAsync(token).ConfigureAwait(false))
            {
                if (await NextAsync(token).ConfigureAwait(false) is not { } connection) continue;
                if (!_inHand.Writer.TryWrite(connection)) await connection.DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (Exception) when (token.IsCancellationRequested)
        {
            _inHand.Writer.TryComplete();
        }
        catch (Exception broken) // whatever it is, the next accept must tell it
        {
            _inHand.Writer.TryComplete(broken);
        }
    }

    /// <summary>The next connection; null when a handshake failed.</summary>
    private async Task<SystemQuicConnection?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            var accepted = await _listener.AcceptConnectionAsync(cancellationToken).ConfigureAwait(false);
            var connection = new SystemQuicConnection(accepted, _options, accepted.TargetHostName);
            var isNeeded = _options.ClientCertificates == ClientCertificateMode.Require;
            if (!isNeeded || connection.RemoteCertificate is not null) return connection;

            // TLS may let a client without a certificate pass without asking the callback.
            _options.OnHandshakeFailed?.Invoke(connection.RemoteEndPoint, "the client sent no certificate");
            await connection.DisposeAsync().ConfigureAwait(false);
            return null;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            // Whatever it is: System.Net.Quic hands out each failed handshake once, as the exception it ended with. A
            // client that leaves during it shows as OperationAborted or cancelled, just as the listener's own end
            // does; but only DisposeAsync ends ours, and that cancels first.
            var why = error is QuicException || !_refusals.TryDequeue(out var refusal) ? error.Message : refusal;
            _options.OnHandshakeFailed?.Invoke(null, why);
            return null;
        }
    }

    private static QuicListenOptions Shown(
        QuicListenOptions options, Func<string?, QuicIdentity> select, SslClientHelloInfo hello)
    {
        var (certificate, intermediates) = select(hello.ServerName.Length == 0 ? null : hello.ServerName);
        return options with { Certificate = certificate, Intermediates = intermediates };
    }

    private void OnRefusal(string why)
    {
        if (_refusals.Count < MaxRefusals) _refusals.Enqueue(why);
    }
}
