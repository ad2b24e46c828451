using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Event;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshConnectionProtocol;

namespace Macula.Actors.Mesh;

/// <summary>One connection to a peer, from the dial to its end.</summary>
/// <remarks>It owns the connection: when it stops, for whatever reason, the connection is closed, also one that is still
/// being made. It stops when the connection has ended; QUIC's keep-alive and idle time-out see to it that this is
/// noticed without traffic. Never restarted: the pool dials anew.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A token source without a timer holds nothing to free.")]
internal sealed class MeshConnectionActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan CloseMargin = TimeSpan.FromSeconds(1); // above what the transport itself allows

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly CancellationTokenSource _ending = new();
    private readonly MeshLink _link;
    private readonly IQuicProvider _provider;
    private readonly Func<PeerAddress, QuicConnectOptions> _options;
    private readonly TimeSpan _connectTimeout;
    private Task<IQuicConnection> _dial = Task.FromException<IQuicConnection>(new InvalidOperationException("not begun"));
    private IQuicConnection? _connection;
    private TimeSpan _closeTimeout;
    private bool _isClosing;

    public static Props Props(
        MeshLink link, IQuicProvider provider, Func<PeerAddress, QuicConnectOptions> options, TimeSpan connectTimeout) =>
        Akka.Actor.Props.Create(() => new MeshConnectionActor(link, provider, options, connectTimeout));

    public MeshConnectionActor(
        MeshLink link, IQuicProvider provider, Func<PeerAddress, QuicConnectOptions> options, TimeSpan connectTimeout)
    {
        (_link, _provider, _options, _connectTimeout) = (link, provider, options, connectTimeout);

        Receive<Connected>(OnConnected);
        Receive<NotConnected>(msg => OnNotConnected(msg.Cause));
        Receive<Tick>(OnTick);
        Receive<Close>(OnClose);
        Receive<Ended>(OnEnded);
        Receive<MeshConnectionProtocol.Identify>(_ => Sender.Tell(new Identified(Self, _link, _connection, _isClosing)));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        Timers.StartSingleTimer(Tick.Connect, Tick.Connect, _connectTimeout);
        _dial = DialAsync();
        _dial.PipeTo(Self, success: connection => new Connected(connection), failure: e => new NotConnected(e));
    }

    protected override void PostStop()
    {
        _ending.Cancel();
        _ = _dial.ContinueWith(
            static dial => GiveUpAsync(dial.Result), CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }

    // The one place where the connection is let go; one that comes too late comes here too.
    private static async Task GiveUpAsync(IQuicConnection connection)
    {
        connection.Abort(DisconnectReason.Normal.Code()); // does nothing after an orderly close
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    // Async, because a provider may throw before it returns a task.
    private async Task<IQuicConnection> DialAsync()
    {
        var options = _options(_link.Address) with { HandshakeTimeout = _connectTimeout };
        _closeTimeout = options.CloseTimeout + CloseMargin;
        return await _provider.ConnectAsync(options, _ending.Token).ConfigureAwait(false);
    }

    private void OnConnected(Connected msg)
    {
        Timers.Cancel(Tick.Connect);
        _connection = msg.Connection;
        Context.Parent.Tell(new Up(_link, msg.Connection));
        msg.Connection.Closed.PipeTo(Self, success: closed => new Ended(closed));
    }

    private void OnNotConnected(Exception cause)
    {
        var outcome = cause is QuicTransportException fault ? Outcome(fault.Error) : "failed";
        Fail(outcome, cause.Message);
    }

    private void OnTick(Tick tick)
    {
        if (tick == Tick.Close)
        {
            Context.Stop(Self); // the transport promised to be done by now
            return;
        }

        Fail("timeout", $"{_link.Address} did not answer within {_connectTimeout}.");
    }

    private void Fail(string outcome, string message)
    {
        Context.Parent.Tell(new Failed(_link, outcome, message));
        Context.Stop(Self);
    }

    private void OnClose(Close msg)
    {
        if (_isClosing) return;
        _isClosing = true;
        if (_connection is null)
        {
            Context.Stop(Self);
            return;
        }

        Timers.StartSingleTimer(Tick.Close, Tick.Close, _closeTimeout);
        _ = CloseAsync(_connection, msg); // its end arrives as that of the connection
    }

    private static async Task CloseAsync(IQuicConnection connection, Close how)
    {
        try
        {
            await connection.CloseAsync(how.ErrorCode, how.Reason).ConfigureAwait(false);
        }
        catch (QuicTransportException)
        {
            // It ended by itself meanwhile.
        }
    }

    private void OnEnded(Ended msg)
    {
        if (!_isClosing)
            _log.Info("Connection to {Peer} at {Address} died: {Reason}", _link.Peer, _link.Address, msg.How.Reason);
        Context.Stop(Self);
    }

    private static string Outcome(QuicTransportError error) => error switch
    {
        QuicTransportError.ConnectionTimeout => "timeout",
        QuicTransportError.ConnectionRefused => "refused",
        QuicTransportError.AuthenticationFailed => "authentication_failed",
        QuicTransportError.AlpnMismatch => "alpn_mismatch",
        _ => "failed",
    };

    private sealed record Connected(IQuicConnection Connection) : ILocal;

    private sealed record NotConnected(Exception Cause) : ILocal;

    private sealed record Ended(QuicClosed How) : ILocal;

    private enum Tick
    {
        Connect,
        Close,
    }
}
