using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Macula.Actors.Fuzz;

/// <summary>Whether a QUIC server has begun to listen.</summary>
internal static class ServerProbe
{
    private const int LeastDatagram = 1200;
    private const int IdLength = 8;
    private const int AnswerWait = 200_000; // microseconds; the question or its answer may be lost
    private const int RefusalWait = 10_000; // microseconds; a refusal comes at once, and so would the next

    // Long header, a version that is kept for this (RFC 9000, section 15), and two connection ids.
    private static readonly byte[] Question =
    [
        0xc0, 0x1a, 0x2a, 0x3a, 0x4a, IdLength, 1, 2, 3, 4, 5, 6, 7, 8, IdLength, 8, 7, 6, 5, 4, 3, 2, 1,
        .. new byte[LeastDatagram],
    ];

    /// <summary>One that nobody listens to now, for a program that cannot take a free one itself.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Returns when it answers to a version that nobody speaks, as every server must (RFC 9000, section 6.1). Until
    /// then the kernel says that the port is closed.</summary>
    /// <exception cref="TimeoutException">It does not listen in time.</exception>
    public static void WaitFor(int port, TimeSpan patience)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(IPAddress.Loopback, port);
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < patience)
        {
            try
            {
                socket.Send(Question);
                if (!socket.Poll(AnswerWait, SelectMode.SelectRead)) continue;
                socket.Receive(new byte[LeastDatagram]);
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused)
            {
                socket.Poll(RefusalWait, SelectMode.SelectRead); // until an answer to an earlier question, if there is one
            }
        }

        throw new TimeoutException($"no QUIC server listens on UDP port {port}");
    }
}
