namespace Macula.Actors.EndToEnd.Worker;

/// <summary>What a client must know of a node.</summary>
/// <param name="EndPoint"><c>127.0.0.1:port</c>.</param>
/// <param name="Fingerprint">SHA-256 of its certificate, hex.</param>
/// <param name="Realm">The realm that it serves.</param>
public sealed record NodeAddress(string EndPoint, string Fingerprint, string Realm);
