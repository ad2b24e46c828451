using System.Net;
using System.Net.Quic;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;

namespace Macula.Actors.Transport.SystemNetQuic;

/// <summary>A connection of System.Net.Quic.</summary>
/// <remarks>System.Net.Quic tells of a connection's end only to those who wait for a stream; so a loop accepts streams
/// all the time. The end reaches streams through System.Net.Quic itself, after the bytes that came before it.</remarks>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class SystemQuicConnection : IQuicConnection
{
    private static readonly TimeSpan UntilExplained = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly QuicConnection _connection;
    private readonly HashSet<SystemQuicStream> _streams = [];
    private readonly Channel<SystemQuicStream> _arrived = Channel.CreateUnbounded<SystemQuicStream>();
    private readonly TaskCompletionSource<QuicClosed> _closed =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _closing;
    private Task? _disposing;

    public SystemQuicConnection(QuicConnection connection, QuicConnectionOptions options, string? serverName)
    {
        (_connection, Options) = (connection, options);
        ServerName = string.IsNullOrEmpty(serverName) || IPAddress.TryParse(serverName, out _) ? null : serverName;
        ApplicationProtocol = connection.NegotiatedApplicationProtocol.ToString();
        RemoteCertificate = connection.RemoteCertificate is { } certificate
            ? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData())
            : null;
        _ = AcceptAsync();
    }

    public QuicConnectionOptions Options { get; }

    public IPEndPoint LocalEndPoint => _connection.LocalEndPoint;

    public IPEndPoint RemoteEndPoint => _connection.RemoteEndPoint;

    public string ApplicationProtocol { get; }

    public string? ServerName { get; }

    public X509Certificate2? RemoteCertificate { get; }

    public Task<QuicClosed> Closed => _closed.Task;

    public ValueTask<IQuicStream> OpenStreamAsync(CancellationToken cancellationToken = default) =>
        OpenAsync(QuicStreamType.Bidirectional, cancellationToken);

    public ValueTask<IQuicStream> OpenUnidirectionalStreamAsync(CancellationToken cancellationToken = default) =>
        OpenAsync(QuicStreamType.Unidirectional, cancellationToken);

    public async ValueTask<IQuicStream> AcceptStreamAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var stream = await _arrived.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            stream.Take();
            return stream;
        }
        catch (ChannelClosedException)
        {
            throw Error(await Closed.ConfigureAwait(false));
        }
    }

    public ValueTask CloseAsync(long errorCode, string reason = "", CancellationToken cancellationToken = default)
    {
        QuicOptionChecks.CheckErrorCode(errorCode);
        TaskCompletionSource done;
        lock (_gate)
        {
            if (_closing is not null) return new ValueTask(_closing.WaitAsync(cancellationToken));
            done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _closing = done.Task;
        }

        _ = RunAsync();
        return new ValueTask(done.Task.WaitAsync(cancellationToken));

        async Task RunAsync()
        {
            await FinishStreamsAsync().ConfigureAwait(false);
            if (End(new QuicClosed(QuicTransportError.None, errorCode, false, reason)))
                await ShutDownAsync(errorCode).ConfigureAwait(false);
            done.SetResult();
        }
    }

    public void Abort(long errorCode, string reason = "")
    {
        QuicOptionChecks.CheckErrorCode(errorCode);
        if (End(new QuicClosed(QuicTransportError.OperationAborted, errorCode, false, reason)))
            _ = ShutDownAsync(errorCode);
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
            if (_closing is { } closing) await closing.ConfigureAwait(false);
            Abort(Options.DefaultCloseErrorCode);
            await _connection.DisposeAsync().ConfigureAwait(false);
            RemoteCertificate?.Dispose();
        }
    }

    /// <summary>What a failed operation throws: how the connection ended, if that is why, else what happened to it.
    /// </summary>
    public async Task<QuicTransportException> ExplainAsync(Exception error)
    {
        var translated = SystemQuicErrors.Translate(error);
        if (translated.Error == QuicTransportError.StreamAborted) return translated;
        try
        {
            // The connection's end is known to every stream at once, and to the accept loop a moment later.
            return Error(await Closed.WaitAsync(UntilExplained).ConfigureAwait(false));
        }
        catch (TimeoutException)
        {
            return translated;
        }
    }

    private static QuicTransportException Error(QuicClosed closed) => closed.Error switch
    {
        QuicTransportError.None => new(QuicTransportError.OperationAborted, "the connection was closed by this side"),
        QuicTransportError.OperationAborted => new(closed.Error, "the connection was aborted by this side"),
        _ => new(closed.Error, closed.Reason, closed.ErrorCode),
    };

    private async ValueTask<IQuicStream> OpenAsync(QuicStreamType type, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfEnded();
        try
        {
            var stream = Add(await _connection
                .OpenOutboundStreamAsync(type, cancellationToken).ConfigureAwait(false));
            stream.Take();
            return stream;
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            throw await ExplainAsync(error).ConfigureAwait(false);
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var stream = await _connection.AcceptInboundStreamAsync().ConfigureAwait(false);
                if (stream.Type == QuicStreamType.Bidirectional || Options.MaxInboundUnidirectionalStreams > 0)
                    _arrived.Writer.TryWrite(Add(stream));
                else
                    await stream.DisposeAsync().ConfigureAwait(false); // see SystemQuicSettings: one may come
            }
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            var what = SystemQuicErrors.Translate(error);
            var byPeer = what.Error is not (QuicTransportError.OperationAborted or QuicTransportError.InternalError);
            End(new QuicClosed(what.Error, what.ErrorCode, byPeer, what.Message));
        }

        _arrived.Writer.TryComplete();
    }

    private SystemQuicStream Add(QuicStream native)
    {
        var stream = new SystemQuicStream(this, native);
        lock (_gate)
        {
            _streams.Add(stream);
        }

        _ = ForgetAsync();
        return stream;

        async Task ForgetAsync()
        {
            await stream.Released.ConfigureAwait(false);
            lock (_gate)
            {
                _streams.Remove(stream);
            }
        }
    }

    private async Task FinishStreamsAsync()
    {
        SystemQuicStream[] streams;
        lock (_gate)
        {
            streams = [.. _streams];
        }

        foreach (var stream in streams) stream.Finish();
        try
        {
            await Task.WhenAll(streams.Select(stream => stream.Sent))
                .WaitAsync(Options.CloseTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // What is not acknowledged by now is lost, as the contract says.
        }
    }

    private async Task ShutDownAsync(long errorCode)
    {
        try
        {
            await _connection.CloseAsync(errorCode).ConfigureAwait(false);
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            // It ended by itself meanwhile.
        }
    }

    private bool End(QuicClosed closed) => _closed.TrySetResult(closed);

    private void ThrowIfEnded()
    {
        if (Closed.IsCompletedSuccessfully) throw Error(Closed.Result);
        if (_closing is not null)
        {
            throw new QuicTransportException(
                QuicTransportError.OperationAborted, "the connection is being closed by this side");
        }
    }
}
