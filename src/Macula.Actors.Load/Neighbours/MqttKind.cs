namespace Macula.Actors.Load.Neighbours;

/// <summary>Control packets (MQTT 3.1.1, section 2.2.1), as far as a load needs them.</summary>
internal enum MqttKind
{
    ConnAck = 2,
    Publish = 3,
    SubAck = 9,
    PingResp = 13,
}
