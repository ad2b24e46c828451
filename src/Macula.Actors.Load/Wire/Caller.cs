using System.Diagnostics;
using Macula.Actors.Load.Measuring;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Wire;

/// <summary>A client with many calls on their way; replies are read by a task of its own.</summary>
internal sealed class Caller : IAsyncDisposable
{
    private const int Slots = 1 << 16; // more calls than one client may have pending

    private readonly long[] _due = new long[Slots]; // when each was; 0: nothing is on its way there
    private readonly LoadClient _client;
    private readonly byte[] _args;
    private readonly Utf8Text _procedure;
    private readonly int? _timeout;
    private readonly Action<Caller, string?> _ended;
    private Task _running = Task.CompletedTask;
    private uint _last;
    private int _pending;

    private Caller(LoadClient client, Utf8Text procedure, int size, int? timeout, Action<Caller, string?> ended) =>
        (_client, _procedure, _args, _timeout, _ended) = (client, procedure, new byte[size], timeout, ended);

    /// <summary>Where the times of calls that succeeded go.</summary>
    public volatile Latencies? Times;

    /// <summary>Calls without a reply.</summary>
    public int Pending => Volatile.Read(ref _pending);

    /// <param name="size">Bytes of the arguments.</param>
    /// <param name="timeout">Milliseconds; null: the node's default.</param>
    /// <param name="ended">Told of each reply: null, or the code of the error. On the reader's task.</param>
    public static async Task<Caller> StartAsync(
        Dial dial, NodeId id, Utf8Text procedure, int size, int? timeout, Action<Caller, string?> ended,
        CancellationToken cancellationToken)
    {
        var client = await LoadClient.ConnectAsync(dial, id, cancellationToken).ConfigureAwait(false);
        var caller = new Caller(client, procedure, size, timeout, ended);
        caller._running = caller.RunAsync();
        return caller;
    }

    /// <summary>Writes a call; nothing is sent yet. For one thread at a time, the reader's callback included.</summary>
    public void Write(long due)
    {
        var number = ++_last;
        Volatile.Write(ref _due[number % Slots], due);
        Interlocked.Increment(ref _pending);
        _client.Write(new CallMessage(_procedure, _args, CallId.FromCounter(number), Timeout: _timeout));
    }

    public ValueTask FlushAsync() => _client.FlushAsync();

    public async ValueTask DisposeAsync()
    {
        _client.Die();
        await _running.ConfigureAwait(false);
        await _client.DisposeAsync().ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        try
        {
            await _client.ReceiveAsync(OnFrame, CancellationToken.None).ConfigureAwait(false);
        }
        catch (QuicTransportException)
        {
            // It has ended; what is pending stays so.
        }
    }

    private bool OnFrame(Frame frame)
    {
        if (frame.Type != FrameType.Reply || !ReplyMessage.TryDecode(frame.Payload, out var reply, out _)) return false;
        Span<byte> id = stackalloc byte[CallId.DefaultLength];
        reply.CallId.CopyTo(id);
        var number = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(id[^sizeof(uint)..]);
        var due = Interlocked.Exchange(ref _due[number % Slots], 0);
        if (due == 0) return false;
        Interlocked.Decrement(ref _pending);
        if (reply.IsSuccess) Times?.RecordSince(due);
        _ended(this, reply.Error?.Code.ToString());
        return false;
    }

    /// <summary>Now, as a due instant.</summary>
    public static long Now => Stopwatch.GetTimestamp();
}
