using System.Buffers;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Macula.Actors.Load.Neighbours;

/// <summary>Takes whole pieces off what came; true when it has enough.</summary>
internal delegate bool TlsReader(ref ReadOnlySpan<byte> rest);

/// <summary>TLS over TCP without allocation per message: what is written is gathered and goes in one piece, what comes
/// is read where it lies.</summary>
internal sealed class TlsLink : IAsyncDisposable
{
    private const int FirstSize = 4096, ReadSize = 64 * 1024;

    private readonly Socket _socket;
    private readonly ArrayBufferWriter<byte> _output = new(256);
    private Stream _stream;
    private byte[] _input = [];
    private int _start, _end;

    private TlsLink(Socket socket) => (_socket, _stream) = (socket, new NetworkStream(socket));

    /// <summary>Goes with the next <see cref="FlushAsync"/>.</summary>
    public IBufferWriter<byte> Output => _output;

    /// <summary>Connects the TCP side; TLS begins with <see cref="SecureAsync"/>.</summary>
    /// <exception cref="SocketException">Nobody listens.</exception>
    public static async Task<TlsLink> ConnectAsync(IPEndPoint server, CancellationToken cancellationToken)
    {
        var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
            return new TlsLink(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A full handshake, not a resumed one: as a device does that comes for the first time.</summary>
    public async Task SecureAsync(NeighbourCertificate certificate, CancellationToken cancellationToken)
    {
        var secure = new SslStream(_stream);
        _stream = secure;
        await secure.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                AllowTlsResume = false,
                EnabledSslProtocols = SslProtocols.Tls13,
                RemoteCertificateValidationCallback = (_, shown, _, _) => certificate.Is(shown),
            },
            cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask FlushAsync()
    {
        if (_output.WrittenCount == 0) return;
        await _stream.WriteAsync(_output.WrittenMemory).ConfigureAwait(false);
        _output.ResetWrittenCount();
    }

    /// <summary>Reads until <paramref name="read"/> has enough; sends, after each piece that came, what it wrote.
    /// </summary>
    /// <returns>False when the server ended the connection.</returns>
    public async Task<bool> ReceiveAsync(TlsReader read, CancellationToken cancellationToken)
    {
        while (true)
        {
            var enough = Handle(read);
            await FlushAsync().ConfigureAwait(false);
            if (enough) return true;
            MakeRoom();
            var count = await _stream.ReadAsync(_input.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            if (count == 0) return false;
            _end += count;
        }
    }

    /// <summary>Resets the TCP connection: nothing lingers, on either side.</summary>
    public void Die()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return _stream.DisposeAsync();
    }

    private bool Handle(TlsReader read)
    {
        ReadOnlySpan<byte> rest = _input.AsSpan(_start, _end - _start);
        var enough = !rest.IsEmpty && read(ref rest);
        _start = _end - rest.Length;
        return enough;
    }

    // Small until something comes in earnest: most clients are idle.
    private void MakeRoom()
    {
        var kept = _input.AsSpan(_start, _end - _start);
        if (kept.Length == _input.Length || _end == _input.Length && _input.Length < ReadSize)
        {
            var larger = new byte[_input.Length == 0 ? FirstSize : Math.Max(ReadSize, kept.Length * 2)];
            kept.CopyTo(larger);
            _input = larger;
        }
        else
        {
            kept.CopyTo(_input);
        }

        (_start, _end) = (0, kept.Length);
    }
}
