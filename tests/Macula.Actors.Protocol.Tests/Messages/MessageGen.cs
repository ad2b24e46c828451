using CsCheck;

namespace Macula.Actors.Protocol.Tests;

/// <summary>Messages of every type, with fields anywhere inside their bounds.</summary>
internal static class MessageGen
{
    private static readonly Gen<byte[]> Blob = Gen.OneOf(
        Gen.Byte.Array[0, 40], Gen.Byte.Array[250, 260], Gen.Byte.Array[65_534, 65_537]);

    private static readonly Gen<Utf8Text> Text = Gen.OneOf(
        Gen.String[Gen.Char['a', 'z'], 0, 40], Gen.String[Gen.Char['\u00e0', '\u30ff'], 0, 200])
        .Select(Utf8Text.FromString);

    private static readonly Gen<Utf8Text?> MaybeText =
        Gen.Select(Gen.Bool, Text, (some, text) => some ? text : default(Utf8Text?));

    private static readonly Gen<NodeId> Node =
        Gen.Byte.Array[1, 255].Select(bytes => new NodeId(bytes));

    private static readonly Gen<CallId> Call =
        Gen.Byte.Array[0, 64].Select(bytes => new CallId(bytes));

    private static readonly Gen<Int128> Time =
        Gen.OneOf(Gen.Long.Select(value => (Int128)value), Gen.ULong.Select(value => (Int128)value));

    private static readonly Gen<int> Natural = Gen.OneOf(Gen.Int[0, 300], Gen.Int[0, int.MaxValue]);

    private static readonly Gen<int?> MaybeNatural =
        Gen.Select(Gen.Bool, Natural, (some, value) => some ? value : default(int?));

    private static readonly Gen<IReadOnlyList<Utf8Text>> Texts =
        Text.List[0, 20].Select(texts => (IReadOnlyList<Utf8Text>)texts);

    private static readonly Gen<CallMessage> Calls = Gen.Select(
        Text, Blob, Call, MaybeText, MaybeNatural, (procedure, args, id, realm, timeout) =>
            new CallMessage(procedure, args, id, realm, timeout));

    private static readonly Gen<ReplyMessage> Replies = Gen.OneOf(
        Gen.Select(Call, Blob, (id, result) => new ReplyMessage(id, result)),
        Gen.Select(Call, Text, Text, ReplyMessage.Failed));

    private static readonly Gen<RawValue> Raw = Gen.OneOf(
        Calls.Select(call => call.ToPayload()), Replies.Select(reply => reply.ToPayload()),
        Gen.OneOf("c0", "a0", "90", "80", "93c3a161ca3fc00000", "8101c4026869")
            .Select(hex => new RawValue(Convert.FromHexString(hex))));

    private static readonly Gen<IReadOnlyList<NodeInfo>> Nodes = Gen.Select(
        Node, Text, Gen.Long, Gen.Bool, MaybeText, (id, address, seen, known, endpoint) =>
            new NodeInfo(id, address, known ? seen : null, endpoint))
        .List[0, 20].Select(nodes => (IReadOnlyList<NodeInfo>)nodes);

    private static readonly Gen<byte[]> Key = Gen.Byte.Array[0, 255];

    public static readonly Gen<PublishMessage> Publishes = Gen.Select(
        Text, Blob, Gen.Int[0, 2], Gen.Bool, Gen.Byte.Array[0, 64],
        (topic, payload, qos, retain, id) =>
            new PublishMessage(topic, payload, qos, retain, new MessageId(id)));

    public static readonly Gen<IMessage> Any = Gen.OneOf(
        Gen.Select(Text, Node, Text, Texts, MaybeText, (version, node, realm, can, endpoint) =>
            (IMessage)new ConnectMessage(version, node, realm, can, endpoint)),
        Gen.Select(Text, Text, MaybeNatural, (reason, message, retry) =>
            (IMessage)new DisconnectMessage(reason, message, retry)),
        Time.Select(time => (IMessage)new PingMessage(time)),
        Gen.Select(Time, Time, (time, server) => (IMessage)new PongMessage(time, server)),
        Publishes.Select(publish => (IMessage)publish),
        Gen.Select(Texts, Gen.Int[0, 2], (topics, qos) =>
            (IMessage)new SubscribeMessage(topics, qos)),
        Texts.Select(topics => (IMessage)new UnsubscribeMessage(topics)),
        Calls.Select(call => (IMessage)call),
        Replies.Select(reply => (IMessage)reply),
        Gen.Select(Text, Blob, (procedure, args) => (IMessage)new CastMessage(procedure, args)),
        Gen.Select(Node, Node, Natural, Natural, Text, Raw, Gen.Bool,
            (to, from, hops, max, type, payload, via) => (IMessage)new RpcRouteMessage(
                to, from, hops, max, type, payload,
                via ? from.Bytes : default(ReadOnlyMemory<byte>?))),
        Call.Select(id => (IMessage)new CancelMessage(id)),
        Key.Select(key => (IMessage)new FindNodeMessage(key)),
        Nodes.Select(nodes => (IMessage)new FindNodeReplyMessage(nodes)),
        Gen.Select(Key, Raw, (key, value) => (IMessage)new StoreMessage(key, value)),
        Key.Select(key => (IMessage)new FindValueMessage(key)),
        Gen.OneOf(
            Raw.Select(FindValueReplyMessage.Found), Nodes.Select(FindValueReplyMessage.Missed),
            Text.Select(FindValueReplyMessage.Refused)).Select(reply => (IMessage)reply),
        Gen.Select(Gen.OneOf(FrameType.SwimPing, FrameType.SwimAck, FrameType.SwimPingReq),
            Calls, (type, call) => (IMessage)new OpaqueMessage(type, call.ToPayload())));
}
