using System.Net;
using System.Net.Quic;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Macula.Actors.Transport.SystemNetQuic;

/// <summary>QUIC by System.Net.Quic, which needs libmsquic 2.2 or later on Linux and macOS, Windows 11 or Windows
/// Server 2022 on Windows.</summary>
/// <remarks>What it cannot do of the contract: close reasons are not sent; a client that offers another ALPN is turned
/// away without <see cref="QuicListenOptions.OnHandshakeFailed"/>, which also gets no address; a window is rounded down
/// to a power of two, and a peer can be two stream windows ahead of the reader.</remarks>
public sealed class SystemQuicProvider : IQuicProvider
{
    public string Name => "system";

    public QuicSupport Support { get; } = IsHere
        ? new QuicSupport(true, $"System.Net.Quic of .NET {Environment.Version} with MsQuic")
        : new QuicSupport(false, OperatingSystem.IsWindows()
            ? "System.Net.Quic needs Windows 11 or Windows Server 2022, with TLS 1.3 enabled"
            : "System.Net.Quic finds no usable libmsquic: install the package libmsquic (from packages.microsoft.com)");

    [SupportedOSPlatformGuard("linux")]
    [SupportedOSPlatformGuard("macos")]
    [SupportedOSPlatformGuard("windows")]
    private static bool IsHere =>
        (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() || OperatingSystem.IsWindows())
        && QuicListener.IsSupported
        && QuicConnection.IsSupported;

    public async ValueTask<IQuicListener> ListenAsync(
        QuicListenOptions options, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        QuicOptionChecks.Check(options);
        if (!IsHere) throw new QuicTransportException(QuicTransportError.NotSupported, Support.Description);
        try
        {
            return await SystemQuicListener.StartAsync(options, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            var translated = SystemQuicErrors.Translate(error);
            throw error is SocketException && translated.Error != QuicTransportError.AddressInUse
                ? new QuicTransportException(QuicTransportError.InvalidConfiguration,
                    $"EndPoint is '{options.EndPoint}': {error.Message}", inner: error)
                : translated;
        }
    }

    public async ValueTask<IQuicConnection> ConnectAsync(
        QuicConnectOptions options, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        QuicOptionChecks.Check(options);
        if (!IsHere) throw new QuicTransportException(QuicTransportError.NotSupported, Support.Description);

        var serverName = options.ServerName ?? HostOf(options.EndPoint);
        var targets = await ResolveAsync(options.EndPoint, cancellationToken).ConfigureAwait(false);
        var started = TimeProvider.System.GetTimestamp();
        for (var i = 0; ; i++)
        {
            var left = options.HandshakeTimeout - TimeProvider.System.GetElapsedTime(started);
            var share = left / (targets.Length - i); // so that all addresses together keep the time-out
            try
            {
                return await ConnectAsync(options, targets[i], share, serverName, cancellationToken)
                    .ConfigureAwait(false);
            }
            catch (QuicTransportException error) when (i < targets.Length - 1 && IsUnreachable(error.Error))
            {
                // A name may have an IPv6 address on which nobody listens.
            }
        }
    }

    [SupportedOSPlatform("linux")]
    [SupportedOSPlatform("macos")]
    [SupportedOSPlatform("windows")]
    private static async Task<IQuicConnection> ConnectAsync(
        QuicConnectOptions options, IPEndPoint target, TimeSpan timeout, string serverName,
        CancellationToken cancellationToken)
    {
        string? refusal = null;
        try
        {
            var settings = SystemQuicSettings.ForClient(
                options, target, serverName, why => Volatile.Write(ref refusal, why));
            settings.HandshakeTimeout = timeout > TimeSpan.Zero ? timeout : TimeSpan.FromMilliseconds(1);
            var connection = await QuicConnection.ConnectAsync(settings, cancellationToken).ConfigureAwait(false);
            return new SystemQuicConnection(connection, options, serverName);
        }
        catch (Exception error) when (SystemQuicErrors.IsKnown(error))
        {
            throw Volatile.Read(ref refusal) is { } why
                ? new QuicTransportException(QuicTransportError.AuthenticationFailed, why, inner: error)
                : SystemQuicErrors.Translate(error);
        }
    }

    private static async Task<IPEndPoint[]> ResolveAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        if (endPoint is IPEndPoint known) return [known];
        var dns = (DnsEndPoint)endPoint;
        try
        {
            var found = await Dns.GetHostAddressesAsync(dns.Host, dns.AddressFamily, cancellationToken)
                .ConfigureAwait(false);
            if (found is not []) return [.. found.Select(address => new IPEndPoint(address, dns.Port))];
        }
        catch (SocketException error)
        {
            throw new QuicTransportException(
                QuicTransportError.ConnectionTimeout,
                $"'{dns.Host}' cannot be resolved: {error.Message}", inner: error);
        }

        throw new QuicTransportException(QuicTransportError.ConnectionTimeout, $"'{dns.Host}' has no address");
    }

    private static bool IsUnreachable(QuicTransportError error) =>
        error is QuicTransportError.ConnectionTimeout or QuicTransportError.ConnectionRefused;

    private static string HostOf(EndPoint endPoint) => endPoint switch
    {
        IPEndPoint address => address.Address.ToString(),
        DnsEndPoint dns => dns.Host,
        _ => throw new QuicTransportException(QuicTransportError.InvalidConfiguration,
            $"EndPoint is '{endPoint}'; allowed: an address or a host name, with a port"),
    };
}
