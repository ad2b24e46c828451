using System.Buffers;

namespace Macula.Actors.Protocol.Tests;

/// <summary>What a receiver makes of a stream: frames as text, the end, the bytes left.</summary>
internal sealed class StreamReading
{
    private readonly List<ReadOnlyMemory<byte>> _unread = [];
    private readonly int _maxPayload;

    public StreamReading(int maxPayload = Frame.DefaultMaxPayload) => _maxPayload = maxPayload;

    public List<string> Messages { get; } = [];

    public List<FrameError> Skipped { get; } = [];

    public FrameError Fatal { get; private set; }

    public byte[] Remaining => Chunks.Join(_unread).ToArray();

    public static StreamReading Of(IEnumerable<ReadOnlyMemory<byte>> chunks)
    {
        var reading = new StreamReading();
        foreach (var chunk in chunks) reading.Receive(chunk);
        return reading;
    }

    public void Receive(ReadOnlyMemory<byte> chunk)
    {
        if (Fatal.IsFatal) return;

        _unread.Add(chunk);
        var buffer = Chunks.Join(_unread);
        while (true)
        {
            var status = FrameReader.TryRead(ref buffer, _maxPayload, out var frame, out var error);
            if (status == FrameReadStatus.NeedMore) break;

            if (status == FrameReadStatus.Fatal)
            {
                Fatal = error;
                break;
            }

            if (status == FrameReadStatus.Skipped) Skipped.Add(error);
            else if (RawValue.Check(frame.Payload) == DecodeErrorCode.None) Messages.Add(Show(frame));
        }

        _unread.Clear();
        foreach (var segment in buffer) _unread.Add(segment);
    }

    private static string Show(in Frame frame) =>
        $"{frame.Type.ToString().ToLowerInvariant()} " +
        WireValue.ShowAsReference(frame.Payload.ToArray());
}
