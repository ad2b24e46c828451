using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Macula.Actors.Client;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Memory;

namespace Macula.Actors.Testing;

/// <summary>A gateway that does what a spec says: it accepts connections, answers CONNECT, and
/// leaves the rest to the spec.</summary>
internal sealed class FakeGateway : IAsyncDisposable
{
    private static readonly X509Certificate2 Certificate = MakeCertificate();

    private readonly IQuicListener _listener;

    private FakeGateway(MemoryQuicNetwork network, IQuicListener listener)
    {
        (Network, _listener) = (network, listener);
        Provider = new MemoryQuicProvider(network);
    }

    /// <summary>No step of a spec takes longer, unless it is broken.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(30);

    public MemoryQuicNetwork Network { get; }

    public IQuicProvider Provider { get; }

    public X509Certificate2 ServerCertificate => Certificate;

    public string Address => _listener.LocalEndPoint.ToString();

    /// <summary>Options of a client of this gateway. It is patient, since virtual time may run ahead of a slow
    /// machine.</summary>
    public MaculaClientOptions Options => new()
    {
        Server = Address,
        Provider = Provider,
        Trust = QuicTrust.Anything,
        TimeProvider = Network.Time,
        NodeId = NodeId.Parse("tester"),
        ConnectTimeout = TimeSpan.FromSeconds(60),
    };

    /// <param name="time">Rules the network, if it is a new one.</param>
    /// <param name="network">Where other gateways are too.</param>
    public static async Task<FakeGateway> StartAsync(TimeProvider? time = null, MemoryQuicNetwork? network = null)
    {
        network ??= new MemoryQuicNetwork(time);
        var listener = await new MemoryQuicProvider(network).ListenAsync(new QuicListenOptions
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Certificate = Certificate,
            StreamReceiveWindow = 4 * 1024 * 1024,
            ConnectionReceiveWindow = 8 * 1024 * 1024,
        });
        return new FakeGateway(network, listener);
    }

    /// <summary>The next client, its CONNECT read and answered.</summary>
    public async Task<FakeSession> AcceptAsync()
    {
        var session = await AcceptUnansweredAsync();
        await session.SendAsync(new PongMessage(1, 1));
        return session;
    }

    /// <summary>The next client, its CONNECT read and not answered.</summary>
    public async Task<FakeSession> AcceptUnansweredAsync()
    {
        var connection = await _listener.AcceptConnectionAsync().AsTask().WaitAsync(Patience);
        var stream = await connection.AcceptStreamAsync().AsTask().WaitAsync(Patience);
        var session = new FakeSession(connection, stream);
        session.Connect = await session.ExpectAsync<ConnectMessage>();
        return session;
    }

    /// <summary>A client and its session.</summary>
    public async Task<(MaculaClient Client, FakeSession Session)> ConnectAsync(
        MaculaClientOptions? options = null)
    {
        var accepting = AcceptAsync();
        var client = await MaculaClient.ConnectAsync(options ?? Options).WaitAsync(Patience);
        return (client, await accepting);
    }

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=fake", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
    }
}

/// <summary>One client's stream, seen from the gateway.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore without a wait handle holds nothing to free.")]
internal sealed class FakeSession
{
    private readonly IQuicConnection _connection;
    private readonly IQuicStream _stream;
    private readonly Channel<(FrameType Type, byte[] Payload)> _frames =
        Channel.CreateUnbounded<(FrameType, byte[])>();
    private readonly SemaphoreSlim _writing = new(1, 1);

    public FakeSession(IQuicConnection connection, IQuicStream stream)
    {
        (_connection, _stream) = (connection, stream);
        Ended = ReadAsync();
    }

    /// <summary>Whether PING is answered here, unseen by the spec. Default yes.</summary>
    public bool AnswersPings { get; set; } = true;

    public ConnectMessage Connect { get; set; } = null!;

    /// <summary>The client's stream has ended.</summary>
    public Task Ended { get; }

    public Task<QuicClosed> Closed => _connection.Closed;

    public IQuicConnection Connection => _connection;

    /// <summary>The next frame, which must be of this kind.</summary>
    public async Task<T> ExpectAsync<T>()
        where T : IMessage
    {
        var (type, payload) = await _frames.Reader.ReadAsync().AsTask().WaitAsync(FakeGateway.Patience);
        return Decode(type, new ReadOnlySequence<byte>(payload)) is T message
            ? message
            : throw new InvalidOperationException($"a {typeof(T).Name} was expected, {type} came");
    }

    /// <summary>The next frame, or null at the end of the stream.</summary>
    public async Task<IMessage?> NextAsync()
    {
        if (!await _frames.Reader.WaitToReadAsync().AsTask().WaitAsync(FakeGateway.Patience)) return null;
        var (type, payload) = await _frames.Reader.ReadAsync();
        return Decode(type, new ReadOnlySequence<byte>(payload));
    }

    /// <summary>Whether a frame has come that nobody has looked at.</summary>
    public bool HasFrames => _frames.Reader.TryPeek(out _);

    public Task SendAsync<T>(T message)
        where T : IMessage => SendRawAsync(message.ToFrame());

    public async Task SendRawAsync(ReadOnlyMemory<byte> bytes)
    {
        await _writing.WaitAsync();
        try
        {
            await _stream.Output.WriteAsync(bytes).AsTask().WaitAsync(FakeGateway.Patience);
        }
        finally
        {
            _writing.Release();
        }
    }

    public async Task RefuseAsync(DisconnectReason reason, int? retryAfter = null)
    {
        await SendAsync(new DisconnectMessage(reason.Text(), $"because {reason}", retryAfter));
        await _connection.CloseAsync(reason.Code());
    }

    /// <summary>Ends the connection without a word.</summary>
    public void Abort(long code = 99) => _connection.Abort(code);

    private async Task ReadAsync()
    {
        try
        {
            while (true)
            {
                var read = await _stream.Input.ReadAsync();
                var buffer = read.Buffer;
                while (FrameReader.TryRead(ref buffer, 4 * 1024 * 1024, out var frame, out _) ==
                    FrameReadStatus.Frame)
                    await OnFrameAsync(frame);
                _stream.Input.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted) break;
            }
        }
        catch (QuicTransportException)
        {
            // The client's end of the connection is gone.
        }

        _frames.Writer.TryComplete();
    }

    private async Task OnFrameAsync(Frame frame)
    {
        if (frame.Type == FrameType.Ping && AnswersPings &&
            PingMessage.TryDecode(frame.Payload, out var ping, out _))
            await SendAsync(new PongMessage(ping.Timestamp, 1));
        else
            _frames.Writer.TryWrite((frame.Type, frame.Payload.ToArray()));
    }

    private static IMessage? Decode(FrameType type, ReadOnlySequence<byte> payload) => type switch
    {
        FrameType.Connect when ConnectMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Disconnect when DisconnectMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Ping when PingMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Publish when PublishMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Subscribe when SubscribeMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Unsubscribe when UnsubscribeMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Call when CallMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Reply when ReplyMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Cancel when CancelMessage.TryDecode(payload, out var m, out _) => m,
        FrameType.Store when StoreMessage.TryDecode(payload, out var m, out _) => m,
        _ => null,
    };
}
