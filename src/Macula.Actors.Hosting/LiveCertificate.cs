using System.Security.Cryptography;
using Macula.Actors.Transport;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Hosting;

/// <summary>The certificate that new handshakes get. Reading its files again replaces it; connections that stand keep
/// what they had.</summary>
internal sealed partial class LiveCertificate
{
    private readonly Lock _gate = new();
    private readonly MaculaSettings _settings;
    private NodeCertificate _current;
    private string _stamp;

    /// <exception cref="QuicTransportException">It cannot be loaded; the message says why.</exception>
    public LiveCertificate(MaculaSettings settings)
    {
        _settings = settings;
        _stamp = Stamp(); // before the files are read: what changes meanwhile is seen
        _current = NodeCertificate.Load(settings);
    }

    public NodeCertificate Current => Volatile.Read(ref _current);

    /// <summary>Whether there are files to read again.</summary>
    public bool IsFromFiles => _settings.Options.Certificate is null && _settings.Quic.CertificateFile.Length > 0;

    /// <summary>Reads the files again. What cannot be loaded changes nothing: the log says why.</summary>
    /// <returns>Whether new handshakes get what the files hold now.</returns>
    public bool Reload(ILogger log)
    {
        if (!IsFromFiles)
        {
            LogNothingToReload(log, Current.Source);
            return false;
        }

        lock (_gate)
        {
            var stamp = Stamp();
            try
            {
                var loaded = NodeCertificate.Load(_settings);
                Volatile.Write(ref _current, loaded);
                _stamp = stamp;
                var leaf = loaded.Identity.Certificate;
                LogReloaded(log, loaded.Source, leaf.NotAfter.ToUniversalTime(), QuicTrust.Fingerprint(leaf));
                return true;
            }
            catch (Exception fault) when (
                fault is QuicTransportException or IOException or UnauthorizedAccessException or CryptographicException)
            {
                LogNotReloaded(log, fault.Message);
                return false;
            }
        }
    }

    /// <summary>Reads the files again if they are others than the last time. Tried again each time while they cannot be
    /// loaded, for they may be half written.</summary>
    public void ReloadIfChanged(ILogger log)
    {
        if (IsFromFiles && Stamp() != Volatile.Read(ref _stamp)) Reload(log);
    }

    // Times and sizes, through symbolic links: that is how Kubernetes and certbot replace them.
    private string Stamp() => string.Join('|', Paths().Select(path =>
    {
        try
        {
            var target = File.ResolveLinkTarget(path, returnFinalTarget: true) as FileInfo ?? new FileInfo(path);
            return $"{target.FullName} {target.LastWriteTimeUtc.Ticks} {target.Length}";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "unreadable"; // loading it will say why
        }
    }));

    private IEnumerable<string> Paths() =>
        new[] { _settings.Quic.CertificateFile, _settings.Quic.KeyFile }.Where(path => path.Length > 0);

    [LoggerMessage(1, LogLevel.Information, "New handshakes get the certificate that {Source} holds now: valid until {Until:u}, SHA-256 {Fingerprint}")]
    private static partial void LogReloaded(ILogger log, string source, DateTime until, string fingerprint);

    [LoggerMessage(2, LogLevel.Error, "The certificate was not reloaded, the old one stays in use: {Reason}")]
    private static partial void LogNotReloaded(ILogger log, string reason);

    [LoggerMessage(3, LogLevel.Warning, "There is no certificate file to reload: the certificate is {Source}")]
    private static partial void LogNothingToReload(ILogger log, string source);
}
