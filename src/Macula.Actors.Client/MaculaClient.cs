using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Macula.Actors.Client.Internal;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Client;

/// <summary>A client of a Macula gateway: publish, subscribe, advertise, call. Safe for concurrent
/// use.</summary>
/// <remarks>One QUIC connection with one stream. When it is lost, the client connects again and
/// restores subscriptions and advertisements; operations wait for that up to their deadline. Calls
/// in flight fail at once with <c>connection_lost</c> and are never repeated.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A token source without a timer holds nothing to free.")]
public sealed class MaculaClient : IAsyncDisposable
{
    private const int PatternsPerFrame = 100;

    private readonly MaculaClientOptions _options;
    private readonly Utf8Text _realm;
    private readonly Counters _counters = new();
    private readonly UniqueIds _ids = new();
    private readonly SubscriptionTable _subscriptions = new();
    private readonly ConcurrentDictionary<Utf8Text, MaculaAdvertisement> _advertisements = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _log;
    private readonly Link _link;

    private MaculaClient(MaculaClientOptions options, IQuicProvider provider)
    {
        (_options, _realm) = (options, options.Realm);
        _log = options.LoggerFactory.CreateLogger<MaculaClient>();
        _link = new Link(options, provider, new Inbox(this), _counters, Restore, OnChanged);
    }

    /// <summary>Raised after each change of <see cref="State"/>, one at a time, in order. Must not
    /// block.</summary>
    public event EventHandler<MaculaStateChange>? StateChanged;

    /// <summary>Where the client is in its life.</summary>
    public MaculaClientState State { get; private set; }

    /// <summary>Completes, never faults, when the client is closed for good.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Why the client closed by itself; null before, and after a mere dispose.</summary>
    public MaculaException? CloseReason { get; private set; }

    /// <summary>Who this client is.</summary>
    public NodeId NodeId => _options.NodeId;

    /// <summary>Counts so far.</summary>
    public MaculaClientStatistics Statistics => _counters.Read();

    /// <summary>Connects and waits until the gateway has accepted.</summary>
    /// <exception cref="ArgumentException">An option has a value that cannot work.</exception>
    /// <exception cref="MaculaRefusedException">The gateway said no.</exception>
    /// <exception cref="MaculaConnectionException">The gateway could not be reached.</exception>
    public static async Task<MaculaClient> ConnectAsync(
        MaculaClientOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var provider = Providers.Choose(options.Checked());
        if (options.NodeId.IsEmpty) options = options with { NodeId = NodeId.Random() };
        var client = new MaculaClient(options, provider);
        await client._link.StartAsync(cancellationToken).ConfigureAwait(false);
        return client;
    }

    /// <summary>Publishes a message to all subscribers of a topic.</summary>
    /// <param name="topic">Segments separated by dots.</param>
    /// <param name="payload">Opaque bytes.</param>
    /// <param name="qos">0: done when queued for sending, lost if the connection breaks. 1 and 2:
    /// done when the gateway has it, sent again after a reconnect, so it may arrive twice.</param>
    /// <param name="retain">Whether the gateway keeps it, in place of the last one of the topic,
    /// for those who subscribe later; an empty payload takes that one away.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="MaculaConnectionException">No connection, or for QoS 1 and 2 no confirmation,
    /// within <see cref="MaculaClientOptions.ConnectTimeout"/>: <c>not_connected</c>,
    /// <c>connection_lost</c>, <c>timeout</c>, or why the gateway ended the connection that it went out
    /// on. Nothing is sent: <c>frame_too_large</c> and, for QoS 1 and 2, <c>overloaded</c>.</exception>
    public async Task PublishAsync(
        string topic, ReadOnlyMemory<byte> payload, int qos = 0, bool retain = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        ArgumentOutOfRangeException.ThrowIfLessThan(qos, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(qos, 2);
        var frame = new PublishMessage(topic, payload, qos, retain, _ids.NextMessage()).ToFrame();
        ThrowIfTooLarge(frame);
        if (qos == 0)
        {
            if (_link.Current is { } session && session.TrySend(frame)) return;

            await SendAsync(frame, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            using var place = TakePlace();
            await SendConfirmedAsync(frame, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Publishes text as UTF-8.</summary>
    /// <inheritdoc cref="PublishAsync(string, ReadOnlyMemory{byte}, int, bool, CancellationToken)"/>
    public Task PublishAsync(
        string topic, string text, int qos = 0, bool retain = false,
        CancellationToken cancellationToken = default) =>
        PublishAsync(topic, Encoding.UTF8.GetBytes(text), qos, retain, cancellationToken);

    /// <summary>Publishes a value as JSON.</summary>
    /// <inheritdoc cref="PublishAsync(string, ReadOnlyMemory{byte}, int, bool, CancellationToken)"/>
    public Task PublishJsonAsync<T>(
        string topic, T value, int qos = 0, bool retain = false,
        JsonSerializerOptions? json = null, CancellationToken cancellationToken = default) =>
        PublishAsync(
            topic, JsonSerializer.SerializeToUtf8Bytes(value, json), qos, retain, cancellationToken);

    /// <summary>Subscribes; when this returns the subscription is in force, or the gateway has
    /// refused it.</summary>
    /// <remarks>
    /// <para>A gateway does not tell when a limit of its own, such as
    /// <c>macula.pubsub.max-patterns-per-client</c>, refuses a pattern: nothing then arrives. The node
    /// counts and logs it.</para>
    /// <para>Retained messages come only for a pattern that this client was not subscribed to yet: a
    /// second subscription to the same pattern gets none. They come again to older subscriptions whose
    /// patterns match them too, and to all subscriptions after a reconnect.</para>
    /// </remarks>
    /// <param name="pattern"><c>*</c> is one segment, <c>**</c> any number of them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MaculaConnectionException">No confirmation within
    /// <see cref="MaculaClientOptions.CallTimeout"/>. Nothing is sent: <c>frame_too_large</c>,
    /// <c>overloaded</c>.</exception>
    public async Task<MaculaSubscription> SubscribeAsync(
        string pattern, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        var subscription = new MaculaSubscription(
            pattern, _options.SubscriptionBuffer, _counters, UnsubscribeAsync);
        var frame = new SubscribeMessage([subscription.PatternText]).ToFrame();
        ThrowIfTooLarge(frame);
        using var place = TakePlace();
        try
        {
            await WithinAsync(_options.CallTimeout, async token =>
            {
                await _link.ChangeAsync(() => _subscriptions.Add(subscription) ? frame : null)
                    .WaitAsync(token).ConfigureAwait(false);
                await _link.ConfirmAsync(token).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
            return subscription;
        }
        catch
        {
            _ = subscription.DisposeAsync().AsTask(); // as soon as the gateway listens again
            throw;
        }
    }

    /// <summary>Offers a procedure; when this returns the gateway knows it, or has refused it.
    /// </summary>
    /// <remarks>A gateway does not tell when a limit of its own, such as
    /// <c>macula.registry.max-services-per-client</c>, refuses an offer: no call then arrives. The node
    /// counts and logs it.</remarks>
    /// <param name="procedure">The name, one offer per client.</param>
    /// <param name="handler">Answers a call. Its token is cancelled when the caller gives up, its
    /// deadline passes or the connection is lost. Throw <see cref="MaculaCallException"/> to answer
    /// with an error; other exceptions become <c>handler_error</c> without their text.</param>
    /// <param name="options">Default: <see cref="MaculaAdvertiseOptions"/> as it is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidOperationException">The client offers the procedure already.
    /// </exception>
    /// <exception cref="MaculaConnectionException">No confirmation within
    /// <see cref="MaculaClientOptions.CallTimeout"/>. Nothing is sent: <c>frame_too_large</c>,
    /// <c>overloaded</c>.</exception>
    public async Task<MaculaAdvertisement> AdvertiseAsync(
        string procedure, Func<MaculaCall, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> handler,
        MaculaAdvertiseOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(procedure);
        ArgumentNullException.ThrowIfNull(handler);
        var advertisement = new MaculaAdvertisement(
            procedure, handler, _options, (options ?? new MaculaAdvertiseOptions()).Checked(),
            WithdrawAsync);
        if (advertisement.StoreFrame() is { } frame) ThrowIfTooLarge(frame);
        using var place = TakePlace();
        if (!_advertisements.TryAdd(advertisement.Name, advertisement))
            throw new InvalidOperationException($"{procedure} is offered already");

        try
        {
            await WithinAsync(_options.CallTimeout, async token =>
            {
                await _link.ChangeAsync(advertisement.StoreFrame).WaitAsync(token).ConfigureAwait(false);
                await _link.ConfirmAsync(token).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _ = advertisement.DisposeAsync().AsTask(); // as soon as the gateway listens again
            throw;
        }

        _ = RenewAsync(advertisement);
        return advertisement;
    }

    /// <summary>Calls a procedure, wherever it is served.</summary>
    /// <param name="procedure">The name.</param>
    /// <param name="args">JSON text by custom.</param>
    /// <param name="timeout">Default: <see cref="MaculaClientOptions.CallTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up; the provider is told.</param>
    /// <returns>What the provider answered, JSON text by custom.</returns>
    /// <exception cref="MaculaCallException">The call failed; its code says how.</exception>
    public async Task<ReadOnlyMemory<byte>> CallAsync(
        string procedure, ReadOnlyMemory<byte> args, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(procedure);
        var time = timeout ?? _options.CallTimeout;
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.FromMilliseconds(1), nameof(timeout));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(time, TimeSpan.FromDays(1), nameof(timeout));

        var start = _options.TimeProvider.GetTimestamp();
        using var deadline = new CancellationTokenSource(time, _options.TimeProvider);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var isSent = false;
        try
        {
            var session = await _link.SessionAsync(both.Token).ConfigureAwait(false);
            var left = time - _options.TimeProvider.GetElapsedTime(start);
            var call = new CallMessage(
                procedure, args, _ids.NextCall(), _realm,
                Math.Max(1, (int)Math.Ceiling(left.TotalMilliseconds)));
            var frame = call.ToFrame();
            if (frame.Length > _options.MaxFrameSize)
                throw new MaculaCallException(MaculaErrorCodes.FrameTooLarge, TooLarge(frame));

            isSent = true;
            return await session.CallAsync(call, frame, both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw isSent
                ? new MaculaCallException(MaculaErrorCodes.Timeout, $"{procedure} did not answer within {time.Seconds()}")
                : new MaculaCallException(MaculaErrorCodes.NotConnected, $"no connection within {time.Seconds()}");
        }
        catch (MaculaConnectionException closed)
        {
            throw new MaculaCallException(closed.Code, closed.Message, closed);
        }
    }

    /// <summary>Calls a procedure with JSON, and reads the answer as JSON.</summary>
    /// <inheritdoc cref="CallAsync(string, ReadOnlyMemory{byte}, TimeSpan?, CancellationToken)"/>
    /// <exception cref="JsonException">The answer does not fit.</exception>
    public async Task<TResult?> CallJsonAsync<TArgs, TResult>(
        string procedure, TArgs args, TimeSpan? timeout = null,
        JsonSerializerOptions? json = null, CancellationToken cancellationToken = default)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(args, json);
        var result = await CallAsync(procedure, bytes, timeout, cancellationToken).ConfigureAwait(false);
        return JsonSerializer.Deserialize<TResult>(result.Span, json);
    }

    /// <summary>Asks the gateway for a sign of life.</summary>
    /// <returns>The time to the gateway and back.</returns>
    /// <exception cref="MaculaConnectionException">No answer within
    /// <see cref="MaculaClientOptions.CallTimeout"/>. Nothing is sent: <c>overloaded</c>.</exception>
    public async Task<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        using var place = TakePlace();
        var start = _options.TimeProvider.GetTimestamp();
        await WithinAsync(_options.CallTimeout, _link.ConfirmAsync, cancellationToken).ConfigureAwait(false);
        return _options.TimeProvider.GetElapsedTime(start);
    }

    /// <summary>Says goodbye to the gateway, lets out what is queued, and closes. Idempotent.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _link.CloseAsync().ConfigureAwait(false);
    }

    private Task SendAsync(byte[] frame, CancellationToken cancellationToken) => WithinAsync(
        _options.ConnectTimeout,
        async token =>
        {
            while (true)
            {
                var session = await _link.SessionAsync(token).ConfigureAwait(false);
                try
                {
                    await session.SendAsync(frame, token).ConfigureAwait(false);
                    return;
                }
                catch (SessionFailedException)
                {
                    // Again on the next session.
                }
            }
        },
        cancellationToken);

    private async Task SendConfirmedAsync(byte[] frame, CancellationToken cancellationToken)
    {
        var isSent = false;
        MaculaRefusedException? refusal = null;
        await WithinAsync(
            _options.ConnectTimeout,
            async token =>
            {
                while (true)
                {
                    var session = await _link.SessionAsync(token).ConfigureAwait(false);
                    try
                    {
                        await session.SendAsync(frame, token).ConfigureAwait(false);
                        isSent = true;
                        await session.PingAsync(token).ConfigureAwait(false);
                        return;
                    }
                    catch (SessionFailedException failed)
                    {
                        // Again on the next session.
                        refusal = failed.End.Error as MaculaRefusedException ?? refusal;
                    }
                }
            },
            cancellationToken, Late).ConfigureAwait(false);

        MaculaConnectionException? Late()
        {
            if (refusal is not null)
                return new MaculaConnectionException(refusal.Code, refusal.Message, refusal);

            return isSent && _link.Current is null
                ? new MaculaConnectionException(
                    MaculaErrorCodes.ConnectionLost, "the connection was lost before the gateway confirmed")
                : null;
        }
    }

    private void ThrowIfTooLarge(byte[] frame)
    {
        if (frame.Length > _options.MaxFrameSize)
            throw new MaculaConnectionException(MaculaErrorCodes.FrameTooLarge, TooLarge(frame));
    }

    private string TooLarge(byte[] frame) =>
        $"the frame has {frame.Length} bytes; allowed up to {_options.MaxFrameSize}";

    /// <summary>A place among those who wait for the gateway's confirmation, until it is disposed.
    /// </summary>
    /// <exception cref="MaculaConnectionException">None is free.</exception>
    private Place TakePlace()
    {
        var place = new Place(_counters);
        if (Interlocked.Increment(ref _counters.PendingConfirmations) <= _options.MaxPendingCalls) return place;

        place.Dispose();
        throw new MaculaConnectionException(
            MaculaErrorCodes.Overloaded,
            $"{_options.MaxPendingCalls} publications, subscriptions, offers or pings wait for an answer already");
    }

    private async ValueTask UnsubscribeAsync(MaculaSubscription subscription) =>
        await _link.ChangeAsync(() => _subscriptions.Remove(subscription)
            ? new UnsubscribeMessage([subscription.PatternText]).ToFrame()
            : null).ConfigureAwait(false);

    // Told first, forgotten when the gateway has heard it: no call falls between.
    private async Task WithdrawAsync(MaculaAdvertisement advertisement)
    {
        try
        {
            await WithinAsync(_options.CallTimeout, async token =>
            {
                await _link.ChangeAsync(advertisement.WithdrawFrame).WaitAsync(token).ConfigureAwait(false);
                if (_link.Current is { } session) await session.PingAsync(token).ConfigureAwait(false);
            }, _closing.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is MaculaException or OperationCanceledException)
        {
            // The gateway drops the offers of lost connections, and of silent ones after their ttl.
        }

        _advertisements.TryRemove(new(advertisement.Name, advertisement));
        try
        {
            await advertisement.WhenIdle()
                .WaitAsync(_options.CallTimeout, _options.TimeProvider, _closing.Token)
                .ConfigureAwait(false);
        }
        catch (Exception error) when (error is TimeoutException or OperationCanceledException)
        {
            // Calls that do not end in time are answered when they end, if the connection stays.
        }
    }

    private async Task RenewAsync(MaculaAdvertisement advertisement)
    {
        try
        {
            while (true)
            {
                await Task
                    .Delay(advertisement.RenewAfter(), _options.TimeProvider, advertisement.Renewing)
                    .ConfigureAwait(false);
                await _link.ChangeAsync(advertisement.StoreFrame).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Withdrawn, or the client is closed.
        }
    }

    // What a new session has to be told.
    private IReadOnlyList<byte[]> Restore()
    {
        var subscribe = _subscriptions.Patterns().Chunk(PatternsPerFrame).SelectMany(SubscribeFrames);
        var store = _advertisements.Values.Select(each => each.StoreFrame()).OfType<byte[]>();
        return [.. subscribe, .. store];
    }

    // One pattern alone always fits, or SubscribeAsync had refused it.
    private IEnumerable<byte[]> SubscribeFrames(Utf8Text[] patterns)
    {
        var frame = new SubscribeMessage(patterns).ToFrame();
        if (frame.Length <= _options.MaxFrameSize || patterns.Length == 1) return [frame];

        var half = patterns.Length / 2;
        return SubscribeFrames(patterns[..half]).Concat(SubscribeFrames(patterns[half..]));
    }

    private void OnChanged(MaculaStateChange change)
    {
        State = change.State;
        if (change.State == MaculaClientState.Closed)
        {
            CloseReason = change.Reason;
            _closing.Cancel();
            foreach (var advertisement in _advertisements.Values) advertisement.StopRenewing();
            _subscriptions.Close(change.Reason);
        }

        try
        {
            StateChanged?.Invoke(this, change);
        }
        catch (Exception error)
        {
            ClientLog.StateHandlerFailed(_log, error); // foreign code must not stop the client
        }

        if (change.State == MaculaClientState.Closed) _closed.TrySetResult();
    }

    private async ValueTask ServeAsync(Session session, CallMessage call)
    {
        if (!_advertisements.TryGetValue(call.Procedure, out var advertisement))
        {
            await session.ReplyAsync(ErrorReply.To(
                call.CallId, MaculaErrorCodes.NoSuchProcedure, $"{call.Procedure} is not offered here", _options))
                .ConfigureAwait(false);
            return;
        }

        if (!advertisement.TryEnter())
        {
            Interlocked.Increment(ref _counters.CallsRefused);
            await session.ReplyAsync(ErrorReply.To(
                call.CallId, MaculaErrorCodes.Overloaded, $"{call.Procedure} has too many calls running", _options))
                .ConfigureAwait(false);
            return;
        }

        var timeout = call.Timeout is { } ms ? TimeSpan.FromMilliseconds(ms) : default(TimeSpan?);
        if (session.Served.TryBegin(call.CallId, advertisement.Procedure, timeout) is not { } served)
        {
            advertisement.Exit(); // the same call twice is one call
            return;
        }

        var owned = call.ToOwned();
        _ = Task.Run(async () =>
        {
            var reply = await advertisement.AnswerAsync(owned, served).ConfigureAwait(false);
            session.Served.End(owned.CallId);
            if (reply is { } answer) await session.ReplyAsync(answer).ConfigureAwait(false);
            advertisement.Exit();
        });
    }

    /// <summary>Runs something until a deadline; beyond it the typed error.</summary>
    /// <param name="late">Knows a better error, or not.</param>
    private async Task WithinAsync(
        TimeSpan time, Func<CancellationToken, Task> run, CancellationToken cancellationToken,
        Func<MaculaConnectionException?>? late = null)
    {
        using var deadline = new CancellationTokenSource(time, _options.TimeProvider);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await run(both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            if (late?.Invoke() is { } error) throw error;

            throw _link.Current is null
                ? new MaculaConnectionException(MaculaErrorCodes.NotConnected, $"no connection within {time.Seconds()}")
                : new MaculaConnectionException(MaculaErrorCodes.Timeout, $"no answer within {time.Seconds()}");
        }
        catch (SessionFailedException failed)
        {
            throw new MaculaConnectionException(
                MaculaErrorCodes.ConnectionLost, failed.End.Error.Message, failed.End.Error);
        }
    }

    private readonly struct Place(Counters counters) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref counters.PendingConfirmations);
    }

    /// <summary>Keeps what a session calls off the public face.</summary>
    private sealed class Inbox(MaculaClient client) : ISessionHandler
    {
        public void OnPublish(in PublishMessage message) => client._subscriptions.Dispatch(message);

        public ValueTask OnCallAsync(Session session, CallMessage call) => client.ServeAsync(session, call);
    }
}
