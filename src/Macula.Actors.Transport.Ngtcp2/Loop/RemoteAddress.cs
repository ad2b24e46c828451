using System.Net;

namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>A peer's address; the object for users is made when somebody asks.</summary>
internal sealed class RemoteAddress
{
    private readonly byte[] _bytes;
    private IPEndPoint? _endPoint;

    public RemoteAddress(ReadOnlySpan<byte> address) => _bytes = address.ToArray();

    public ReadOnlySpan<byte> Bytes => _bytes;

    public IPEndPoint EndPoint => _endPoint ??= SocketAddresses.Read(_bytes);
}
