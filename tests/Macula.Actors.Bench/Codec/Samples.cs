using System.Buffers;
using System.Text;
using Macula.Actors.Protocol;

namespace Macula.Actors.Bench.Codec;

/// <summary>A message of each type, of the size that clients send.</summary>
internal static class Samples
{
    private static readonly CallId Id = CallId.FromCounter(123_456);
    private static readonly NodeId Node = NodeId.Random();
    private static readonly NodeId Other = NodeId.Random();
    private static readonly byte[] Key = DhtKey.ForName("demo.add").ToArray();

    public static ConnectMessage Connect { get; } = new(
        ConnectMessage.CurrentVersion, Node, "com.example.realm", ["pubsub", "rpc"]);

    public static PingMessage Ping { get; } = new(1_750_000_000_000);

    public static PublishMessage PublishSmall { get; } = new(
        "home.kitchen.temp", Encoding.UTF8.GetBytes("""{"value":21.5,"unit":"C"}"""), 0, false,
        MessageId.FromCounter(123_456));

    public static PublishMessage Publish1KiB { get; } = PublishSmall with { Payload = new byte[1024] };

    public static SubscribeMessage Subscribe { get; } = new(["home.*.temp"]);

    public static CallMessage Call { get; } = new(
        "demo.add", Encoding.UTF8.GetBytes("""{"a":1,"b":2}"""), Id, "com.example.realm", 5_000);

    public static ReplyMessage Reply { get; } = new(Id, Encoding.UTF8.GetBytes("""{"sum":3}"""));

    public static RpcRouteMessage Route { get; } = RpcRouteMessage.ForCall(Other, Node, Call);

    public static StoreMessage Store { get; } = new(
        Key, new ServiceRecord(Node, "https://127.0.0.1:9443", Procedure: "demo.add").Encode());

    public static FindValueMessage FindValue { get; } = new(Key);

    public static FindValueReplyMessage FindValueReply { get; } =
        FindValueReplyMessage.Found([Store.Value]);

    public static ReadOnlySequence<byte> Payload<T>(T message)
        where T : IMessage =>
        message.ToPayload().AsPayload();
}
