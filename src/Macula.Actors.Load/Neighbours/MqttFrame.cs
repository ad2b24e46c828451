namespace Macula.Actors.Load.Neighbours;

/// <summary>A control packet, valid as long as the bytes it was read from.</summary>
/// <param name="body">Of PUBLISH: the payload; of others: what follows the fixed header.</param>
internal readonly ref struct MqttFrame(MqttKind kind, ReadOnlySpan<byte> body, ReadOnlySpan<byte> topic = default)
{
    public MqttKind Kind { get; } = kind;

    public ReadOnlySpan<byte> Body { get; } = body;

    public ReadOnlySpan<byte> Topic { get; } = topic;
}
