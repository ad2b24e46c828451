using System.Buffers;
using BenchmarkDotNet.Attributes;
using Macula.Actors.Protocol;

namespace Macula.Actors.Bench.Codec;

/// <summary>Writing of a whole frame into a buffer that is there.</summary>
public class Encode
{
    private readonly ArrayBufferWriter<byte> _output = new(16 * 1024);

    [Benchmark]
    public int Connect() => Write(Samples.Connect);

    [Benchmark]
    public int Ping() => Write(Samples.Ping);

    [Benchmark]
    public int PublishSmall() => Write(Samples.PublishSmall);

    [Benchmark]
    public int Publish1KiB() => Write(Samples.Publish1KiB);

    [Benchmark]
    public int Subscribe() => Write(Samples.Subscribe);

    [Benchmark]
    public int Call() => Write(Samples.Call);

    [Benchmark]
    public int Reply() => Write(Samples.Reply);

    [Benchmark]
    public int Route() => Write(Samples.Route);

    [Benchmark]
    public int Store() => Write(Samples.Store);

    [Benchmark]
    public int FindValue() => Write(Samples.FindValue);

    [Benchmark]
    public int FindValueReply() => Write(Samples.FindValueReply);

    private int Write<T>(T message)
        where T : IMessage
    {
        _output.ResetWrittenCount();
        message.Encode(_output);
        return _output.WrittenCount;
    }
}
