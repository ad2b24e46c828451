using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Fuzz;

/// <summary>A UDP socket that speaks to a server without being a QUIC client.</summary>
internal sealed class Stranger : IDisposable
{
    private readonly UdpClient _socket;
    private readonly IPEndPoint _server;

    public Stranger(IPEndPoint server, IPAddress? from = null)
    {
        _server = server;
        _socket = new UdpClient(new IPEndPoint(from ?? IPAddress.Loopback, 0));
        _socket.Client.ReceiveBufferSize = 4 << 20;
    }

    public Task SendAsync(ReadOnlyMemory<byte> datagram) => _socket.SendAsync(datagram, _server).AsTask();

    /// <summary>The next datagram from the server.</summary>
    /// <exception cref="OperationCanceledException">None came in time.</exception>
    public async Task<byte[]> ReceiveAsync(TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience);
        return await ReceiveAsync(deadline.Token);
    }

    public async Task<byte[]> ReceiveAsync(CancellationToken stop) => (await _socket.ReceiveAsync(stop)).Buffer;

    /// <summary>Bytes that have come and were not read.</summary>
    public int Available => _socket.Available;

    /// <summary>Sends a first packet, and reads what comes back first.</summary>
    public async Task<ServerAnswer> AskAsync(InitialPacket packet, TimeSpan patience)
    {
        await SendAsync(packet.ToDatagram());
        return ServerAnswer.Parse(await ReceiveAsync(patience), packet.DestinationId);
    }

    /// <summary>The transport error code by which the server ends the connection of a packet; what else it says, or repeats
    /// to others, is passed over.</summary>
    public async Task<long> CloseCodeAsync(InitialPacket of, TimeSpan patience)
    {
        while (true)
        {
            var answer = ServerAnswer.Parse(await ReceiveAsync(patience), of.DestinationId);
            if (answer.CloseCode is { } code) return code;
        }
    }

    public void Dispose() => _socket.Dispose();
}
