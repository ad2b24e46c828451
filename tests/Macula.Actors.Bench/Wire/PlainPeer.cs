using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Wire;

/// <summary>One connection to a <see cref="PlainServer"/>.</summary>
internal sealed class PlainPeer : IAsyncDisposable
{
    private readonly IQuicConnection _connection;
    private readonly IQuicStream _stream;
    private readonly byte[] _message;

    private PlainPeer(IQuicConnection connection, IQuicStream stream, int size) =>
        (_connection, _stream, _message) = (connection, stream, new byte[size]);

    public static async Task<PlainPeer> ConnectAsync(
        IQuicProvider provider, IPEndPoint endPoint, string fingerprint, char purpose, int size)
    {
        var connection = await provider.ConnectAsync(new QuicConnectOptions
        {
            EndPoint = endPoint,
            Trust = QuicTrust.Pinned(fingerprint),
            KeepAliveInterval = TimeSpan.FromSeconds(10),
        });
        var stream = await connection.OpenStreamAsync();
        await stream.Output.WriteAsync(new byte[] { (byte)purpose });
        var read = await stream.Input.ReadAsync();
        stream.Input.AdvanceTo(read.Buffer.GetPosition(1));
        return new PlainPeer(connection, stream, size);
    }

    /// <summary>Sends a message that says when.</summary>
    public async ValueTask SendAsync()
    {
        BinaryPrimitives.WriteInt64LittleEndian(_message, Stopwatch.GetTimestamp());
        await _stream.Output.WriteAsync(_message);
    }

    /// <summary>Tells when each message that comes was sent, until the connection ends.</summary>
    public async Task ReceiveAsync(Action<long> received)
    {
        try
        {
            while (true)
            {
                var read = await _stream.Input.ReadAtLeastAsync(_message.Length);
                var rest = read.Buffer;
                for (; rest.Length >= _message.Length; rest = rest.Slice(_message.Length))
                {
                    var reader = new SequenceReader<byte>(rest);
                    reader.TryReadLittleEndian(out long sent);
                    received(sent);
                }

                _stream.Input.AdvanceTo(rest.Start, rest.End);
                if (read.IsCompleted) return;
            }
        }
        catch (Exception e) when (e is QuicTransportException or InvalidOperationException)
        {
            // Disposed.
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
