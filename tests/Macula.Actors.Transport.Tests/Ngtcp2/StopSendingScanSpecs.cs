using Macula.Actors.Transport.Ngtcp2.Connections;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

public sealed class StopSendingScanSpecs
{
    // STOP_SENDING of stream 4 with code 300, as it would follow any other frame.
    private static readonly byte[] Stop = [0x05, 0x04, 0x41, 0x2c];

    [Theory]
    [InlineData("nothing", "")]
    [InlineData("PADDING", "000000000000")]
    [InlineData("PING", "01")]
    [InlineData("ACK", "02 40c8 05 02 03 01 02 03 04")]
    [InlineData("ACK with ECN", "03 40c8 05 01 03 01 02 07 08 09")]
    [InlineData("RESET_STREAM", "04 08 41f4 8000ffff")]
    [InlineData("STREAM with a length", "0a 08 03 616263")]
    [InlineData("STREAM with offset, length and FIN", "0f 08 4400 03 616263")]
    [InlineData("CRYPTO", "06 00 02 0102")]
    [InlineData("NEW_TOKEN", "07 03 010203")]
    [InlineData("MAX_DATA", "10 c000000000ffffff")]
    [InlineData("MAX_STREAM_DATA", "11 04 80010000")]
    [InlineData("MAX_STREAMS", "12 40c8 13 05")]
    [InlineData("DATA_BLOCKED", "14 80010000")]
    [InlineData("STREAM_DATA_BLOCKED", "15 04 80010000")]
    [InlineData("STREAMS_BLOCKED", "16 05 17 05")]
    [InlineData("NEW_CONNECTION_ID", "18 05 01 04 01020304 000102030405060708090a0b0c0d0e0f")]
    [InlineData("RETIRE_CONNECTION_ID", "19 03")]
    [InlineData("PATH_CHALLENGE", "1a 0102030405060708")]
    [InlineData("PATH_RESPONSE", "1b 0102030405060708")]
    [InlineData("HANDSHAKE_DONE", "1e")]
    [InlineData("DATAGRAM with a length", "31 02 0102")]
    public void It_is_found_behind_every_frame(string frame, string hex)
    {
        var before = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

        Assert.Equal([(4, 300)], Scan([.. before, .. Stop]));
        Assert.Equal([(4, 300), (4, 300)], Scan([.. before, .. Stop, .. before, .. Stop, 0, 0]));
        Assert.NotEmpty(frame);
    }

    [Theory]
    [InlineData("08 04")] // STREAM without a length: the rest is its data
    [InlineData("0c 04 01")]
    [InlineData("30")] // DATAGRAM without a length
    [InlineData("3f")] // no frame that there is
    [InlineData("0a 04 4400 61")] // longer than the packet
    [InlineData("02 01 00 bfffffff 00")] // more ranges than there can be
    [InlineData("07 ffffffffffffffff 00")]
    [InlineData("18 05 01 ff 01")]
    public void Where_the_frames_end_or_break_nothing_more_is_found(string hex)
    {
        var before = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

        Assert.Empty(Scan([.. before, .. Stop]));
    }

    [Fact]
    public void A_packet_that_is_cut_off_anywhere_does_no_harm()
    {
        byte[] whole = [0x02, 0x40, 0xc8, 0x05, 0x02, 0x03, 0x01, 0x02, 0x03, 0x04, .. Stop];

        for (var length = 0; length < whole.Length; length++) Assert.Empty(Scan(whole[..length]));
    }

    [Fact]
    public void Noise_does_no_harm()
    {
        const int Seed = 20260726;
        var random = new Random(Seed);
        for (var i = 0; i < 200_000; i++)
        {
            var noise = new byte[random.Next(1, 200)];
            random.NextBytes(noise);
            if (i % 2 == 0) // mostly frames
                for (var at = 0; at < noise.Length; at++) noise[at] %= 0x20;
            foreach (var (id, code) in Scan(noise))
                Assert.True(id >= 0 && code >= 0, $"seed {Seed}, packet {i}: stream {id}, code {code}");
        }
    }

    private static List<(long Id, long Code)> Scan(byte[] frames)
    {
        List<(long, long)> found = [];
        var scan = new StopSendingScan(frames);
        while (scan.TryNext(out var id, out var code)) found.Add((id, code));
        return found;
    }
}
