using Macula.Actors.Gateway;

namespace Macula.Actors.Tests.Gateway;

public sealed class ReadCreditSpecs
{
    [Fact]
    public async Task There_are_never_more_frames_in_flight_than_allowed()
    {
        var credit = new ReadCredit(maxFrames: 2, maxBytes: 1000);
        var first = await Take(credit, 1);
        await Take(credit, 1);
        var third = Take(credit, 1);
        Assert.False(third.IsCompleted);

        first.Return();
        await third.Soon();
        Assert.Equal(2, credit.Frames);
    }

    [Fact]
    public async Task There_are_never_more_bytes_in_flight_than_allowed()
    {
        var credit = new ReadCredit(maxFrames: 100, maxBytes: 100);
        var first = await Take(credit, 60);
        Assert.True(Take(credit, 40).IsCompleted);
        var third = Take(credit, 1);
        Assert.False(third.IsCompleted);

        first.Return();
        await third.Soon();
    }

    [Fact]
    public async Task Whoever_asked_first_gets_first_however_little_the_others_want()
    {
        var credit = new ReadCredit(maxFrames: 10, maxBytes: 100);
        var all = await Take(credit, 100);
        var (large, small) = (Take(credit, 90), Take(credit, 1));
        Assert.False(small.IsCompleted);

        all.Return();
        await large.Soon();
        await small.Soon();
        Assert.False(Take(credit, 10).IsCompleted);
    }

    [Fact]
    public async Task A_frame_beyond_the_limit_passes_alone()
    {
        var credit = new ReadCredit(maxFrames: 10, maxBytes: 100);
        var small = await Take(credit, 1);
        var huge = Take(credit, 1000);
        Assert.False(huge.IsCompleted);
        small.Return();
        var lease = await huge.Soon();
        Assert.False(Take(credit, 1).IsCompleted);

        lease.Return();
        Assert.Equal(1, credit.Frames);
    }

    [Fact]
    public async Task Once_closed_nobody_waits_any_more()
    {
        var credit = new ReadCredit(maxFrames: 1, maxBytes: 100);
        var lease = await Take(credit, 1);
        var waiting = Take(credit, 1);
        credit.Close();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Take(credit, 1).Soon());
        lease.Return();
        Assert.Equal(0, credit.Frames);
    }

    [Fact]
    public void A_lease_of_nobody_can_be_returned() => default(FrameLease).Return();

    private static Task<FrameLease> Take(ReadCredit credit, int bytes) => credit.TakeAsync(bytes).AsTask();
}
