using System.Buffers;
using System.Text.Json;

namespace Macula.Actors.Protocol.Tests;

public sealed class StreamSpecs
{
    // The reference skips the announced length of anything; ours closes a stream that is out of
    // step, so it takes as many messages as came before.
    private static readonly Dictionary<string, FrameErrorCode> OutOfStep = new()
    {
        ["bad_version_skipped"] = FrameErrorCode.UnsupportedVersion,
        ["bad_version_split"] = FrameErrorCode.UnsupportedVersion,
        ["only_bad"] = FrameErrorCode.UnsupportedVersion,
        ["huge_length_swallows_rest"] = FrameErrorCode.FrameTooLarge,
    };

    // Its decoder lets a payload through that is no map.
    private const string NotAMap = "non_map_payload_passes";

    [Fact]
    public void Streams_are_put_together_as_by_the_reference()
    {
        foreach (var row in GoldenVectors.Rows("streams"))
        {
            var name = row.Text("name");
            var reading = StreamReading.Of(ChunksOf(row));

            OutOfStep.TryGetValue(name, out var fatal);
            Assert.Equal((name, fatal), (name, reading.Fatal.Code));
            if (reading.Fatal.IsFatal) continue;

            Assert.Equal(Expected(row), reading.Messages);
            Assert.Equal(row.Text("remaining_hex"), Convert.ToHexStringLower(reading.Remaining));
        }
    }

    [Fact]
    [Trait("Defect", "D8")]
    public void However_a_stream_is_cut_it_says_the_same()
    {
        var random = new Random(20251114);
        foreach (var row in GoldenVectors.Rows("streams"))
        {
            var whole = Chunks.Join(ChunksOf(row)).ToArray();
            var once = StreamReading.Of([whole]);
            for (var round = 0; round < 50; round++)
            {
                var lengths = Enumerable.Range(0, 9)
                    .Select(_ => random.Next(1, 1 + (int)Math.Pow(2, random.Next(1, 9)))).ToArray();
                var cut = StreamReading.Of(Chunks.Cut(whole, lengths));

                Assert.Equal(once.Messages, cut.Messages);
                Assert.Equal(once.Skipped, cut.Skipped);
                Assert.Equal(once.Fatal, cut.Fatal);
                if (!once.Fatal.IsFatal) Assert.Equal(once.Remaining, cut.Remaining);
            }
        }
    }

    [Fact]
    [Trait("Defect", "D48")]
    public void A_frame_above_the_limit_is_fatal_as_soon_as_its_header_is_there()
    {
        var reading = new StreamReading(maxPayload: 100);

        reading.Receive(Convert.FromHexString("01100000000000"));
        Assert.Equal(default, reading.Fatal);

        reading.Receive(Convert.FromHexString("65"));
        Assert.Equal(new FrameError(FrameErrorCode.FrameTooLarge, 101), reading.Fatal);
    }

    [Fact]
    public void A_frame_at_the_limit_is_taken()
    {
        var ping = new PingMessage(1).ToFrame();
        var reading = new StreamReading(maxPayload: ping.Length - Frame.HeaderLength);

        reading.Receive(ping);

        Assert.Single(reading.Messages);
    }

    [Fact]
    public void A_wrong_version_is_fatal_from_its_first_byte()
    {
        var reading = new StreamReading();

        reading.Receive("GET"u8.ToArray());

        Assert.Equal(new FrameError(FrameErrorCode.UnsupportedVersion, 'G'), reading.Fatal);
    }

    [Fact]
    public void An_unknown_type_is_skipped_and_named()
    {
        var reading = StreamReading.Of(
            [Convert.FromHexString("01990000000000020102"), new PingMessage(7).ToFrame()]);

        Assert.Equal([new FrameError(FrameErrorCode.UnknownType, 0x99)], reading.Skipped);
        Assert.Equal(["ping {bin:74696d657374616d70=7}"], reading.Messages);
    }

    private static IEnumerable<ReadOnlyMemory<byte>> ChunksOf(JsonElement row) =>
        row.GetProperty("chunks_hex").EnumerateArray()
            .Select(chunk => new ReadOnlyMemory<byte>(Convert.FromHexString(chunk.GetString()!)));

    private static IEnumerable<string> Expected(JsonElement row) =>
        row.GetProperty("messages").EnumerateArray()
            .Select(message =>
                $"{message.Text("type")} {WireValue.ShowAsReference(message.GetProperty("value"))}")
            .Where(text => row.Text("name") != NotAMap || text.EndsWith('}'));
}
