using Akka.Actor;
using Akka.Event;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using static Macula.Actors.Mesh.MeshConnectionProtocol;

namespace Macula.Actors.Mesh;

/// <summary>One connection to a peer, from the dial to its end.</summary>
/// <remarks>It owns the connection: when it stops, for whatever reason, the connection is closed, also one that is still
/// being made. It stops when the connection has ended; QUIC's keep-alive and idle time-out see to it that this is
/// noticed without traffic. When it fails it is stopped, and the pool dials anew; it is restarted only together with the
/// pool, and then goes on with the <see cref="Line"/> that it has.</remarks>
internal sealed class MeshConnectionActor : UntypedActor
{
    private static readonly TimeSpan CloseMargin = TimeSpan.FromSeconds(1); // above what the transport itself allows

    private readonly MeshLink _link;
    private readonly IQuicProvider _provider;
    private readonly Func<PeerAddress, QuicConnectOptions> _options;
    private readonly TimeSpan _connectTimeout;
    private readonly Line _line;

    public static Props Props(
        MeshLink link, IQuicProvider provider, Func<PeerAddress, QuicConnectOptions> options, TimeSpan connectTimeout)
    {
        var line = new Line();
        return Producer.Props(() => new MeshConnectionActor(link, provider, options, connectTimeout, line));
    }

    public MeshConnectionActor(
        MeshLink link, IQuicProvider provider, Func<PeerAddress, QuicConnectOptions> options, TimeSpan connectTimeout,
        Line line)
    {
        (_link, _provider, _options, _connectTimeout, _line) = (link, provider, options, connectTimeout, line);
    }

    // By a switch and without timers: one of these is made for every dial, and that is most of what a dial costs.
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Connected connected:
                OnConnected(connected);
                break;
            case NotConnected notConnected:
                OnNotConnected(notConnected.Cause);
                break;
            case Close close:
                OnClose(close);
                break;
            case ReceiveTimeout: // the transport promised to be closed by now
                Context.Stop(Self);
                break;
            case Ended ended:
                OnEnded(ended);
                break;
            case MeshConnectionProtocol.Identify:
                Sender.Tell(new Identified(Self, _link, _line.Connection, _line.IsClosing));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PreStart()
    {
        _line.Dial = DialAsync();
        _line.Dial.PipeTo(Self, success: connection => new Connected(connection), failure: e => new NotConnected(e));
    }

    protected override void PostStop()
    {
        _line.Ending.Cancel();
        _ = _line.Dial?.ContinueWith(
            static dial => GiveUpAsync(dial.Result), CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }

    // Without the base, which would let the connection go: the pool failed, not this.
    protected override void PreRestart(Exception reason, object message)
    {
    }

    protected override void PostRestart(Exception reason)
    {
        if (_line.IsClosing) Context.SetReceiveTimeout(_line.CloseTimeout);
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
        _line.CloseTimeout = options.CloseTimeout + CloseMargin;
        return await _provider.ConnectAsync(options, _line.Ending.Token).ConfigureAwait(false);
    }

    private void OnConnected(Connected msg)
    {
        _line.Connection = msg.Connection;
        Context.Parent.Tell(new Up(_link, msg.Connection));
        msg.Connection.Closed.PipeTo(Self, success: closed => new Ended(closed));
    }

    private void OnNotConnected(Exception cause)
    {
        var outcome = cause is QuicTransportException fault ? Outcome(fault.Error) : "failed";
        Context.Parent.Tell(new Failed(_link, outcome, cause.Message));
        Context.Stop(Self);
    }

    private void OnClose(Close msg)
    {
        if (_line.IsClosing) return;
        _line.IsClosing = true;
        if (_line.Connection is not { } connection)
        {
            Context.Stop(Self);
            return;
        }

        Context.SetReceiveTimeout(_line.CloseTimeout);
        _ = CloseAsync(connection, msg); // its end arrives as that of the connection
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
        if (!_line.IsClosing)
            Context.GetLogger().Info("Connection to {Peer} at {Address} died: {Reason}", _link.Peer, _link.Address, msg.How.Reason);
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

    /// <summary>What a restart does not forget: the connection, or the dial for it.</summary>
    internal sealed class Line
    {
        public CancellationTokenSource Ending { get; } = new();

        public Task<IQuicConnection>? Dial { get; set; }

        public IQuicConnection? Connection { get; set; }

        public TimeSpan CloseTimeout { get; set; }

        public bool IsClosing { get; set; }
    }

    // All of these may come when the actor has stopped; what they bring is let go in PostStop.
    private sealed record Connected(IQuicConnection Connection) : ILocal, IDeadLetterSuppression;

    private sealed record NotConnected(Exception Cause) : ILocal, IDeadLetterSuppression;

    private sealed record Ended(QuicClosed How) : ILocal, IDeadLetterSuppression;
}
