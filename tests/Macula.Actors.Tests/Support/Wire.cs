using System.Text;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests;

/// <summary>Messages as peers send them.</summary>
internal static class Wire
{
    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    public static CallId Id(int counter) => CallId.FromCounter((UInt128)counter);

    public static ConnectMessage Connect(string node = "client", string realm = TestOptions.Realm) =>
        new(ConnectMessage.CurrentVersion, NodeId.Parse(node), realm, ["pubsub", "rpc"]);

    public static PublishMessage Publish(string topic, string payload = "1", int qos = 0) =>
        new(topic, Bytes(payload), qos, false, MessageId.FromCounter(1));

    /// <summary>An empty payload clears what is retained.</summary>
    public static PublishMessage Retain(string topic, string payload = "1", int qos = 0) =>
        Publish(topic, payload, qos) with { Retain = true };

    public static SubscribeMessage Subscribe(params string[] patterns) => new([.. patterns.Select(Utf8Text.FromString)]);

    public static UnsubscribeMessage Unsubscribe(params string[] patterns) =>
        new([.. patterns.Select(Utf8Text.FromString)]);

    public static CallMessage Call(string procedure, int id = 1, string args = "{}", int? timeout = null) =>
        new(procedure, Bytes(args), Id(id), Timeout: timeout);

    /// <summary>What a provider stores to be called; <paramref name="ttl"/> 0 withdraws.</summary>
    public static StoreMessage Advertise(string procedure, string node, int ttl = 300) =>
        Store(procedure, Record(node, ttl, [0x80]));

    /// <summary>What a subscriber stores: found, but not called.</summary>
    public static StoreMessage Subscription(string pattern, string node) => Store(pattern, Plain(node));

    public static StoreMessage Store(string name, RawValue value) => new(DhtKey.ForName(name).ToArray(), value);

    public static RawValue Record(string node, int ttl, byte[] metadata) =>
        new ServiceRecord(NodeId.Parse(node), $"https://{node}:9443", new RawValue(metadata), ttl).Encode();

    /// <summary>{node_id, endpoint}, without metadata and ttl.</summary>
    public static RawValue Plain(string node)
    {
        List<byte> map = [0x82];
        void Put(string text)
        {
            map.AddRange([0xc4, (byte)text.Length]);
            map.AddRange(Bytes(text));
        }

        Put("endpoint");
        Put("https://x:1");
        Put("node_id");
        Put(node);
        return new RawValue(map.ToArray());
    }

    public static FindValueMessage FindValue(string name) => new(DhtKey.ForName(name).ToArray());

    /// <summary>A frame of any type and payload.</summary>
    public static byte[] Frame(FrameType type, params byte[] payload)
    {
        var frame = new byte[Protocol.Frame.HeaderLength + payload.Length];
        Protocol.Frame.WriteHeader(frame, type, payload.Length);
        payload.CopyTo(frame, Protocol.Frame.HeaderLength);
        return frame;
    }
}
