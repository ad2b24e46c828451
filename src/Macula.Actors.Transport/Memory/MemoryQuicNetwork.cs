using System.Net;

namespace Macula.Actors.Transport.Memory;

/// <summary>A network inside the process, for tests: it behaves as the contract says, without sockets and TLS, and
/// time passes only as its clock says. Certificates are judged by <see cref="QuicTrust"/> as elsewhere.</summary>
/// <remarks>
/// <para>Nothing is lost and nothing takes time, until a test says so: <see cref="Drop"/> silences one connection for
/// ever, <see cref="Cut"/> parts two machines until <see cref="Heal"/>. Bytes are at the peer when FlushAsync
/// completes, unless a window is full.</para>
/// <para>Connecting where nobody listens is refused at once; connecting over a cut line takes
/// <see cref="QuicConnectionOptions.HandshakeTimeout"/>.</para>
/// </remarks>
public sealed class MemoryQuicNetwork
{
    private const int FirstPort = 10_000;
    private const int LastPort = 65_535;

    private readonly Lock _gate = new();
    private readonly Dictionary<IPEndPoint, MemoryListener> _listeners = [];
    private readonly Dictionary<string, IPAddress> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<(IPAddress, IPAddress)> _cuts = [];
    private readonly HashSet<MemoryConnection> _connections = []; // the clients' ends
    private int _nextPort = FirstPort;

    /// <param name="time">Rules idle time-outs, keep-alive, handshakes and closes. Default: the system's clock.</param>
    public MemoryQuicNetwork(TimeProvider? time = null) => Time = time ?? TimeProvider.System;

    public TimeProvider Time { get; }

    /// <summary>Lets a name be dialled. <c>localhost</c> is known: it is the machine that asks.</summary>
    public void AddHost(string name, IPAddress address)
    {
        lock (_gate)
        {
            _hosts[name] = address;
        }
    }

    /// <summary>Neither end of the connection hears anything from the other any more; only idle time-outs tell them.
    /// </summary>
    /// <param name="connection">Either end.</param>
    public void Drop(IQuicConnection connection)
    {
        var path = (connection as MemoryConnection)?.Path
            ?? throw new ArgumentException("not a connection of a memory network", nameof(connection));
        lock (_gate)
        {
            _connections.RemoveWhere(known => known.Path == path); // so that Heal does not bring it back
        }

        path.Lose();
    }

    /// <summary>Parts two machines: no packet passes between them until <see cref="Heal"/>.</summary>
    public void Cut(IPAddress one, IPAddress other)
    {
        foreach (var connection in Change(one, other, isCut: true)) connection.Path.Down();
    }

    /// <summary>Joins two machines again; what was under way is delivered, unless it timed out.</summary>
    public void Heal(IPAddress one, IPAddress other)
    {
        foreach (var connection in Change(one, other, isCut: false)) connection.Path.Up();
    }

    internal MemoryListener Listen(IPAddress machine, QuicListenOptions options)
    {
        var wanted = options.EndPoint;
        var isAny = wanted.Address.Equals(IPAddress.Any) || wanted.Address.Equals(IPAddress.IPv6Any);
        lock (_gate)
        {
            var at = isAny ? machine : wanted.Address;
            var port = wanted.Port != 0 ? wanted.Port : NextPort(at);
            var address = new IPEndPoint(at, port);
            if (_listeners.ContainsKey(address))
                throw new QuicTransportException(QuicTransportError.AddressInUse, $"{wanted} is taken");
            var listener = new MemoryListener(this, options, new IPEndPoint(wanted.Address, port), address);
            _listeners.Add(address, listener);
            return listener;
        }
    }

    internal void Remove(MemoryListener listener)
    {
        lock (_gate)
        {
            _listeners.Remove(listener.Address);
        }
    }

    internal async ValueTask<MemoryConnection> ConnectAsync(
        IPAddress machine, QuicConnectOptions options, CancellationToken cancellationToken)
    {
        var target = Resolve(machine, options.EndPoint);
        if (target is null || IsCut(machine, target.Address))
        {
            await Task.Delay(options.HandshakeTimeout, Time, cancellationToken).ConfigureAwait(false);
            throw new QuicTransportException(
                QuicTransportError.ConnectionTimeout,
                $"{options.EndPoint} did not answer within {options.HandshakeTimeout}");
        }

        MemoryListener? listener;
        IPEndPoint local;
        lock (_gate)
        {
            _listeners.TryGetValue(target, out listener);
            local = new IPEndPoint(machine, NextPort(machine));
        }

        return listener is null
            ? throw new QuicTransportException(QuicTransportError.ConnectionRefused, $"nobody listens on {target}")
            : ShakeHands(options, listener, local, target);
    }

    private MemoryConnection ShakeHands(
        QuicConnectOptions client, MemoryListener listener, IPEndPoint local, IPEndPoint target)
    {
        var name = client.ServerName ?? HostOf(client.EndPoint);
        var shownName = IPAddress.TryParse(name, out _) ? null : name; // SNI carries no addresses (RFC 6066, 3)
        var server = Shown(listener.Options, shownName, local);
        var isAsked = server.ClientCertificates != ClientCertificateMode.None;
        if (Disagreement(client, server, name, isAsked) is { } failure)
        {
            server.OnHandshakeFailed?.Invoke(local, failure.Message);
            throw failure;
        }

        var (ours, theirs) = MemoryConnection.CreatePair(
            new(client, server, local, target, shownName, IsServer: false, SeesCertificate: true),
            new(server, client, target, local, shownName, IsServer: true, SeesCertificate: isAsked),
            Time);
        lock (_gate)
        {
            _connections.Add(ours);
        }

        _ = ForgetAsync(ours, theirs);
        if (listener.TryEnqueue(theirs)) return ours;

        theirs.Abort(0);
        server.OnHandshakeFailed?.Invoke(local, $"refused: {server.AcceptBacklog} connections wait to be accepted");
        throw new QuicTransportException(QuicTransportError.ConnectionRefused, $"{target} refuses connections");
    }

    private static QuicListenOptions Shown(QuicListenOptions server, string? name, IPEndPoint client)
    {
        if (server.CertificateSelector is not { } select) return server;
        try
        {
            var (certificate, intermediates) = select(name);
            return server with { Certificate = certificate, Intermediates = intermediates };
        }
        catch (Exception fault)
        {
            server.OnHandshakeFailed?.Invoke(client, $"the server has no certificate to show: {fault.Message}");
            throw new QuicTransportException(
                QuicTransportError.ProtocolError, "the server ended the handshake: internal error", inner: fault);
        }
    }

    private static QuicTransportException? Disagreement(
        QuicConnectOptions client, QuicListenOptions server, string name, bool isAsked)
    {
        if (client.ApplicationProtocol != server.ApplicationProtocol)
            return new(QuicTransportError.AlpnMismatch,
                $"the client speaks '{client.ApplicationProtocol}', the server '{server.ApplicationProtocol}'");

        if (client.Trust.Verify(server.Certificate, server.Intermediates, name) is { } serverFault)
            return new(QuicTransportError.AuthenticationFailed, $"the client refuses the server: {serverFault}");

        if (!isAsked || (client.Certificate is null && server.ClientCertificates == ClientCertificateMode.Allow))
            return null;

        if (client.Certificate is null)
        {
            return new(QuicTransportError.AuthenticationFailed,
                "the server refuses the client: it sent no certificate");
        }

        return server.ClientTrust.Verify(client.Certificate, client.Intermediates, null) is { } clientFault
            ? new(QuicTransportError.AuthenticationFailed, $"the server refuses the client: {clientFault}")
            : null;
    }

    private async Task ForgetAsync(MemoryConnection ours, MemoryConnection theirs)
    {
        await Task.WhenAll(ours.Closed, theirs.Closed).ConfigureAwait(false);
        lock (_gate)
        {
            _connections.Remove(ours);
        }
    }

    private MemoryConnection[] Change(IPAddress one, IPAddress other, bool isCut)
    {
        lock (_gate)
        {
            if (isCut)
                _cuts.Add((one, other));
            else
                _cuts.ExceptWith([(one, other), (other, one)]);

            return [.. _connections.Where(c => Joins(c, one, other) || Joins(c, other, one))];
        }

        static bool Joins(MemoryConnection connection, IPAddress one, IPAddress other) =>
            connection.LocalEndPoint.Address.Equals(one) && connection.RemoteEndPoint.Address.Equals(other);
    }

    private bool IsCut(IPAddress one, IPAddress other)
    {
        lock (_gate)
        {
            return _cuts.Contains((one, other)) || _cuts.Contains((other, one));
        }
    }

    private IPEndPoint? Resolve(IPAddress machine, EndPoint endPoint)
    {
        if (endPoint is IPEndPoint known) return known;
        if (endPoint is not DnsEndPoint dns) return null;
        if (IPAddress.TryParse(dns.Host, out var literal)) return new IPEndPoint(literal, dns.Port);
        lock (_gate)
        {
            if (_hosts.TryGetValue(dns.Host, out var address)) return new IPEndPoint(address, dns.Port);
        }

        return dns.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            ? new IPEndPoint(machine, dns.Port)
            : null;
    }

    private static string HostOf(EndPoint endPoint) =>
        endPoint is IPEndPoint address ? address.Address.ToString() : ((DnsEndPoint)endPoint).Host;

    private int NextPort(IPAddress machine)
    {
        for (var tried = FirstPort; tried <= LastPort; tried++)
        {
            var port = _nextPort;
            _nextPort = port == LastPort ? FirstPort : port + 1;
            if (!_listeners.ContainsKey(new IPEndPoint(machine, port))) return port;
        }

        throw new QuicTransportException(QuicTransportError.AddressInUse, $"no port of {machine} is free");
    }
}
