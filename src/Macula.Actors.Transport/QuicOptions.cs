using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Macula.Actors.Transport;

/// <summary>What listeners and clients have in common.</summary>
public abstract record QuicConnectionOptions
{
    /// <summary>ALPN to offer or accept. Default <c>macula</c>.</summary>
    public string ApplicationProtocol { get; init; } = "macula";

    /// <summary>The connection ends when nothing was heard for this long. Default 30 s; zero: never.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A PING goes out after this long without traffic, or up to a fifth sooner. Default zero: none.</summary>
    public TimeSpan KeepAliveInterval { get; init; }

    /// <summary>A handshake not done by then has failed. Default 10 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an orderly close waits for acknowledgements. Default 2 s.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Bidirectional streams that the peer may have open at once. Default 100.</summary>
    public int MaxInboundStreams { get; init; } = 100;

    /// <summary>Unidirectional streams that the peer may have open at once. Default 0: a peer that opens one breaks
    /// QUIC, and its connection ends.</summary>
    public int MaxInboundUnidirectionalStreams { get; init; }

    /// <summary>Receive window of a stream, bytes. Default 256 KiB.</summary>
    public int StreamReceiveWindow { get; init; } = 256 * 1024;

    /// <summary>Receive window of the connection, bytes. Default 1 MiB.</summary>
    public int ConnectionReceiveWindow { get; init; } = 1024 * 1024;

    /// <summary>Bytes of a stream that may wait for acknowledgement before a write waits. Default 256 KiB.</summary>
    public int SendBuffer { get; init; } = 256 * 1024;

    /// <summary>Sent when a connection is disposed without a close. Default 0.</summary>
    public long DefaultCloseErrorCode { get; init; }

    /// <summary>Sent when a stream is disposed or completed with an error. Default 0.</summary>
    public long DefaultStreamErrorCode { get; init; }

    /// <summary>Own certificate with its private key; a listener needs one, a client may have one.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The certificates between <see cref="Certificate"/> and the root, sent along.</summary>
    public X509Certificate2Collection? Intermediates { get; init; }
}

/// <summary>How to listen.</summary>
public sealed record QuicListenOptions : QuicConnectionOptions
{
    /// <summary>Address and UDP port; port 0 takes a free one.</summary>
    public required IPEndPoint EndPoint { get; init; }

    /// <summary>Whether clients are asked for a certificate. Default no.</summary>
    public ClientCertificateMode ClientCertificates { get; init; }

    /// <summary>Which client certificates are accepted, where they are asked for.</summary>
    public QuicTrust ClientTrust { get; init; } = QuicTrust.System;

    /// <summary>Which certificate a handshake gets: asked for each, with the name that the client asked for (SNI, RFC
    /// 6066, section 3) or null. A listener changes its certificate so, without dropping connections. Default:
    /// <see cref="QuicConnectionOptions.Certificate"/> for all, which is needed all the same.</summary>
    /// <remarks>Called on transport threads, several at once where a listener has several: it must not block. Return the
    /// same object while nothing has changed, for a new one is read anew. When it throws, that handshake fails.</remarks>
    public Func<string?, QuicIdentity>? CertificateSelector { get; init; }

    /// <summary>Completed connections that may wait to be accepted; beyond it new ones are refused. Default 512.
    /// </summary>
    public int AcceptBacklog { get; init; } = 512;

    /// <summary>Told of each failed handshake: who and why. Called on a transport thread; must not block.</summary>
    public Action<EndPoint?, string>? OnHandshakeFailed { get; init; }
}

/// <summary>Whether a listener asks clients for a certificate.</summary>
public enum ClientCertificateMode
{
    None,

    /// <summary>Asked for; a client without one is let in, a client with a bad one is not.</summary>
    Allow,

    /// <summary>Asked for and needed.</summary>
    Require,
}

/// <summary>How to connect.</summary>
public sealed record QuicConnectOptions : QuicConnectionOptions
{
    /// <summary>Where the server is; a <see cref="DnsEndPoint"/> is resolved.</summary>
    public required EndPoint EndPoint { get; init; }

    /// <summary>The name to ask for (SNI) and to look for in the certificate. Default: the host of
    /// <see cref="EndPoint"/>.</summary>
    public string? ServerName { get; init; }

    /// <summary>Which server certificates are accepted. Default: the system's trust store.</summary>
    public QuicTrust Trust { get; init; } = QuicTrust.System;
}
