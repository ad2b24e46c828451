using System.Buffers;
using BenchmarkDotNet.Attributes;
using Macula.Actors.Protocol;

namespace Macula.Actors.Bench.Codec;

/// <summary>Reading of a payload in one piece, as the connection actor does it.</summary>
public class Decode
{
    private readonly ReadOnlySequence<byte> _connect = Samples.Payload(Samples.Connect);
    private readonly ReadOnlySequence<byte> _ping = Samples.Payload(Samples.Ping);
    private readonly ReadOnlySequence<byte> _publishSmall = Samples.Payload(Samples.PublishSmall);
    private readonly ReadOnlySequence<byte> _publish1KiB = Samples.Payload(Samples.Publish1KiB);
    private readonly ReadOnlySequence<byte> _subscribe = Samples.Payload(Samples.Subscribe);
    private readonly ReadOnlySequence<byte> _call = Samples.Payload(Samples.Call);
    private readonly ReadOnlySequence<byte> _reply = Samples.Payload(Samples.Reply);
    private readonly ReadOnlySequence<byte> _route = Samples.Payload(Samples.Route);
    private readonly ReadOnlySequence<byte> _store = Samples.Payload(Samples.Store);
    private readonly ReadOnlySequence<byte> _findValue = Samples.Payload(Samples.FindValue);
    private readonly ReadOnlySequence<byte> _findValueReply = Samples.Payload(Samples.FindValueReply);

    [Benchmark]
    public bool Connect() => ConnectMessage.TryDecode(_connect, out _, out _);

    [Benchmark]
    public bool Ping() => PingMessage.TryDecode(_ping, out _, out _);

    [Benchmark]
    public bool PublishSmall() => PublishMessage.TryDecode(_publishSmall, out _, out _);

    [Benchmark]
    public bool Publish1KiB() => PublishMessage.TryDecode(_publish1KiB, out _, out _);

    [Benchmark]
    public bool Subscribe() => SubscribeMessage.TryDecode(_subscribe, out _, out _);

    [Benchmark]
    public bool Call() => CallMessage.TryDecode(_call, out _, out _);

    [Benchmark]
    public bool Reply() => ReplyMessage.TryDecode(_reply, out _, out _);

    [Benchmark]
    public bool Route() => RpcRouteMessage.TryDecode(_route, out _, out _);

    [Benchmark]
    public bool Store() => StoreMessage.TryDecode(_store, out _, out _);

    [Benchmark]
    public bool FindValue() => FindValueMessage.TryDecode(_findValue, out _, out _);

    [Benchmark]
    public bool FindValueReply() => FindValueReplyMessage.TryDecode(_findValueReply, out _, out _);
}
