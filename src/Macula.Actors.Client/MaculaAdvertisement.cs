using System.Diagnostics.CodeAnalysis;
using Macula.Actors.Client.Internal;
using Macula.Actors.Protocol;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Client;

/// <summary>A procedure that this client offers, until it is disposed.</summary>
/// <remarks>Survives reconnects. Disposing withdraws it from the gateway, then waits for the calls
/// that run, at most <see cref="MaculaClientOptions.CallTimeout"/>.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A token source without a timer holds nothing to free.")]
public sealed class MaculaAdvertisement : IAsyncDisposable
{
    // A gateway does not tell how long it keeps offers; this is its default.
    private static readonly TimeSpan GatewayTtl = TimeSpan.FromSeconds(300);

    private readonly Func<MaculaCall, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> _handler;
    private readonly MaculaClientOptions _client;
    private readonly MaculaAdvertiseOptions _options;
    private readonly ILogger _log;
    private readonly Func<MaculaAdvertisement, Task> _withdraw;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _renewing = new();
    private readonly Lock _gate = new();
    private Task? _disposing;
    private int _running;
    private bool _isLeaving;

    internal MaculaAdvertisement(
        string procedure, Func<MaculaCall, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> handler,
        MaculaClientOptions client, MaculaAdvertiseOptions options,
        Func<MaculaAdvertisement, Task> withdraw)
    {
        (Procedure, Name, _handler) = (procedure, procedure, handler);
        (_client, _options, _withdraw) = (client, options, withdraw);
        _log = client.LoggerFactory.CreateLogger<MaculaClient>();
    }

    /// <summary>The name that is offered.</summary>
    public string Procedure { get; }

    /// <summary>Calls that run now.</summary>
    public int Running => Volatile.Read(ref _running);

    internal Utf8Text Name { get; }

    /// <summary>Withdraws the offer. Idempotent.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            return new ValueTask(_disposing ??= _withdraw(this));
        }
    }

    /// <summary>Cancelled when there is nothing to renew any more.</summary>
    internal CancellationToken Renewing => _renewing.Token;

    /// <summary>What keeps the offer at the gateway; null when it has been withdrawn.</summary>
    internal byte[]? StoreFrame() =>
        _renewing.IsCancellationRequested ? null : StoreFrame((int)_options.Ttl.TotalSeconds);

    /// <summary>Our extension: a lifetime of 0 takes the record away.</summary>
    internal byte[] WithdrawFrame()
    {
        StopRenewing();
        return StoreFrame(0);
    }

    internal void StopRenewing() => _renewing.Cancel();

    /// <summary>After half the lifetime, or a little earlier, so that not all renew at once.
    /// </summary>
    internal TimeSpan RenewAfter()
    {
        var kept = _options.Ttl < GatewayTtl ? _options.Ttl : GatewayTtl;
        return kept * (0.4 + 0.1 * _client.Random.NextDouble());
    }

    internal bool TryEnter()
    {
        lock (_gate)
        {
            if (_running >= _options.MaxConcurrency) return false;
            _running++;
            return true;
        }
    }

    internal void Exit()
    {
        lock (_gate)
        {
            _running--;
            if (_running == 0 && _isLeaving) _idle.TrySetResult();
        }
    }

    /// <summary>Completes when nothing runs; nothing may enter any more.</summary>
    internal Task WhenIdle()
    {
        lock (_gate)
        {
            _isLeaving = true;
            if (_running == 0) _idle.TrySetResult();
            return _idle.Task;
        }
    }

    /// <summary>The answer to a call, whatever the handler does; null when nobody wants it.
    /// </summary>
    internal async Task<ReplyMessage?> AnswerAsync(CallMessage call, ServedCall served)
    {
        var id = call.CallId;
        var timeout = call.Timeout is { } ms ? TimeSpan.FromMilliseconds(ms) : default(TimeSpan?);
        try
        {
            var request = new MaculaCall(Procedure, call.Args, timeout);
            var result = await _handler(request, served.Token).ConfigureAwait(false);
            var reply = new ReplyMessage(id, result);
            var size = reply.PayloadLength() + Frame.HeaderLength;
            return size <= _client.MaxFrameSize
                ? reply
                : Failed(MaculaErrorCodes.HandlerError,
                    $"the result makes a frame of {size} bytes; allowed up to {_client.MaxFrameSize}");
        }
        catch (MaculaCallException error)
        {
            return Failed(error.Code, error.Message);
        }
        catch (OperationCanceledException) when (served.Token.IsCancellationRequested)
        {
            return served.IsLate
                ? Failed(MaculaErrorCodes.Timeout, "the handler did not finish in time")
                : null;
        }
        catch (Exception error)
        {
            // Foreign code: whatever it throws ends this call and nothing else, and stays here.
            ClientLog.HandlerFailed(_log, error, Procedure);
            return Failed(MaculaErrorCodes.HandlerError, "the handler failed");
        }

        ReplyMessage Failed(string code, string message) => ErrorReply.To(id, code, message, _client);
    }

    private byte[] StoreFrame(int ttl)
    {
        var record = new ServiceRecord(
            _client.NodeId, _client.Endpoint ?? "", TextMap.Encode(_options.Metadata), ttl,
            Procedure: Name);
        return new StoreMessage(DhtKey.ForName(Name).ToArray(), record.Encode()).ToFrame();
    }
}
