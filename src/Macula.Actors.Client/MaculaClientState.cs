namespace Macula.Actors.Client;

/// <summary>Where a client is in its life.</summary>
public enum MaculaClientState
{
    /// <summary>The first connection is being made.</summary>
    Connecting,

    /// <summary>Connected; subscriptions and advertisements are in force.</summary>
    Connected,

    /// <summary>The connection was lost; the client tries again. Operations wait.</summary>
    Reconnecting,

    /// <summary>Disposed, sent away for good, or given up. Final.</summary>
    Closed,
}

/// <summary>A client has changed its state.</summary>
/// <param name="State">The new state.</param>
/// <param name="Reason">Why the connection ended or the attempt failed; null when nothing failed.
/// </param>
public sealed record MaculaStateChange(MaculaClientState State, MaculaException? Reason);
