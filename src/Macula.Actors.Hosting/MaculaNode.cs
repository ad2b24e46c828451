using System.Net;
using Akka.Actor;
using Macula.Actors.Bounded;

namespace Macula.Actors.Hosting;

/// <summary>What a started node says of itself; find it with <c>MaculaNode.Of(system)</c>.</summary>
public sealed class MaculaNode : IExtension
{
    private readonly TaskCompletionSource<MaculaNodeInfo> _ready =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>All bounded tables of the node. An actor of yours that enters its own here is seen in metrics and
    /// diagnostics like the node's (docs/extending.md).</summary>
    public TableCensus Tables { get; } = new();

    /// <summary>Completes when the gateway has stopped: in an orderly shutdown, or because it could not go on.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Completes when the node listens; fails with <see cref="MaculaStartException"/> when it cannot.
    /// </summary>
    public Task<MaculaNodeInfo> Ready => _ready.Task;

    internal Func<bool>? CertificateReload { get; set; }

    /// <summary>Reads <c>macula.quic.certificate-file</c> and <c>key-file</c> again: new handshakes get what they hold,
    /// connections stay. The node program does this on SIGHUP. Reads files: not for an actor's thread.</summary>
    /// <returns>False when nothing has changed for new handshakes, because there are no files or they cannot be loaded;
    /// the log says why.</returns>
    /// <exception cref="InvalidOperationException">The node has not started yet; see <see cref="Ready"/>.</exception>
    public bool ReloadCertificate() => CertificateReload is { } reload
        ? reload()
        : throw new InvalidOperationException("the node has not started yet; wait for Ready");

    /// <summary>The node of an actor system that was put together with <c>WithMacula</c>.</summary>
    public static MaculaNode Of(ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        return system.WithExtension<MaculaNode, Provider>();
    }

    internal void Started(MaculaNodeInfo info) => _ready.TrySetResult(info);

    internal void Stopped() => _ended.TrySetResult();

    internal void Failed(MaculaStartException fault)
    {
        _ready.TrySetException(fault);
        _ = _ready.Task.Exception; // seen: nobody has to ask, the host's start fails too
    }

    private sealed class Provider : ExtensionIdProvider<MaculaNode>
    {
        public override MaculaNode CreateExtension(ExtendedActorSystem system) => new();
    }
}

/// <summary>A node that listens.</summary>
/// <param name="Realm">The realm it serves.</param>
/// <param name="NodeId">Its name.</param>
/// <param name="Listening">The bound UDP addresses, with real ports.</param>
/// <param name="Provider">The QUIC in use, such as <c>ngtcp2</c>.</param>
/// <param name="ProviderReason">Why that one, with library versions.</param>
/// <param name="Fingerprint">SHA-256 of the certificate, 64 lower-case hexadecimal digits.</param>
/// <param name="CertificateSource">Where the certificate is from.</param>
public sealed record MaculaNodeInfo(
    string Realm,
    string NodeId,
    IReadOnlyList<IPEndPoint> Listening,
    string Provider,
    string ProviderReason,
    string Fingerprint,
    string CertificateSource);
