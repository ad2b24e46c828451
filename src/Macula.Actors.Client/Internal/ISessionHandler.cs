using Macula.Actors.Protocol;

namespace Macula.Actors.Client.Internal;

/// <summary>What a session hands to its client. Called on the read loop, one at a time; messages
/// are slices of a buffer that is gone afterwards.</summary>
internal interface ISessionHandler
{
    void OnPublish(in PublishMessage message);

    /// <summary>A call for this client to serve. Returns as soon as it is under way or refused.
    /// </summary>
    ValueTask OnCallAsync(Session session, CallMessage call);
}
