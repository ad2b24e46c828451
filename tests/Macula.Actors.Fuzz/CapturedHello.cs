using System.Net;
using System.Net.Sockets;
using Macula.Actors.Transport;

namespace Macula.Actors.Fuzz;

/// <summary>The first packet of a real client: a TLS ClientHello that a server answers in full.</summary>
internal static class CapturedHello
{
    private const byte Crypto = 6;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <returns>As a real client sends it, to be changed and sent by somebody else.</returns>
    public static async Task<InitialPacket> TakeAsync(IQuicProvider provider)
    {
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var enough = new CancellationTokenSource(Patience);
        var connecting = provider.ConnectAsync(
            new QuicConnectOptions
            {
                EndPoint = server.Client.LocalEndPoint!,
                ServerName = "localhost",
                Trust = QuicTrust.Anything,
            }, enough.Token).AsTask();
        var datagram = (await server.ReceiveAsync(enough.Token)).Buffer;
        await enough.CancelAsync();
        await Task.WhenAny(connecting);
        return Parse(datagram);
    }

    private static InitialPacket Parse(byte[] datagram)
    {
        var at = 6 + datagram[5];
        var destinationId = datagram[6..at];
        var sourceId = datagram[(at + 1)..(at + 1 + datagram[at])];
        at += 1 + sourceId.Length + 1; // the token is empty
        var length = (int)VariableLength.Read(datagram, ref at);
        var frames = InitialKeys.Client(destinationId).Unprotect(datagram, at, at + length)
            ?? throw new InvalidOperationException("the client's first packet does not decrypt");
        if (frames[0] != Crypto) throw new InvalidOperationException("the client's first frame is no CRYPTO frame");
        var end = 1;
        _ = VariableLength.Read(frames, ref end); // the offset, 0
        var helloLength = (int)VariableLength.Read(frames, ref end);
        return new InitialPacket
        {
            DestinationId = destinationId,
            SourceId = sourceId,
            Frames = frames[..(end + helloLength)],
        };
    }
}
