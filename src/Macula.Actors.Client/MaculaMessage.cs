using System.Text;
using System.Text.Json;
using Macula.Actors.Protocol;

namespace Macula.Actors.Client;

/// <summary>A message that was published to a topic. Owns its bytes.</summary>
/// <param name="Topic">Where it was published.</param>
/// <param name="Payload">What was published.</param>
/// <param name="Qos">0, 1 or 2, as the publisher said.</param>
/// <param name="Retain">As the publisher said: the gateway keeps it for those who subscribe later,
/// of whom this may be one. Such a message comes only for a pattern that this client was not
/// subscribed to yet, not for a second subscription to the same pattern. It comes again to older
/// subscriptions whose patterns match it too, and to all of them after a reconnect.</param>
/// <param name="MessageId">Unique per publisher only.</param>
public sealed record MaculaMessage(
    string Topic, ReadOnlyMemory<byte> Payload, int Qos, bool Retain, MessageId MessageId)
{
    /// <summary>The payload as UTF-8; what is not shows as U+FFFD.</summary>
    public string Text => Encoding.UTF8.GetString(Payload.Span);

    /// <summary>The payload read as JSON.</summary>
    /// <exception cref="JsonException">It is none, or does not fit.</exception>
    public T? ReadJson<T>(JsonSerializerOptions? options = null) =>
        JsonSerializer.Deserialize<T>(Payload.Span, options);
}
