using Macula.Actors.Mesh;
using Macula.Actors.Protocol;

namespace Macula.Actors.Tests.Models;

// Frames there and back: what a peer says on a stream that the pool has for an exchange, or had.
internal sealed partial class MeshPoolModel
{
    private static readonly byte[] Unknown = Wire.Frame((FrameType)0x7f, 0x80);
    private static readonly byte[] TooLarge = Wire.Frame(FrameType.Pong, new byte[MaxFrame + ProtocolLimits.MaxRouteOverhead + 1])[..20];
    private static readonly byte[] NoFrame = "GET / HTTP"u8.ToArray();

    private void Start(Request request)
    {
        _talks.Add(request);
        var stream = request.Lease!.Stream;
        if (stream.IsBroken)
        {
            Broken(request);
            return;
        }

        CheckSent(stream, request.Frame, isFinished: request.Kind == Kind.Send);
    }

    private void HearPeer(int a, int b, int c)
    {
        if (Pick(_talks, a) is not { } request) return;
        switch (b % 16)
        {
            case < 8: Answer(request, isTwice: c % 4 == 0); break;
            case 8 or 9: Part(request, c % 2 == 0 ? 3 : 12); break;
            case 10: if (IsMute(request)) Say(request, Unknown); break;
            case 11: if (IsMute(request)) SayWrong(request, c % 2 == 0 ? TooLarge : NoFrame); break;
            case 12 or 13: Finish(request); break;
            default: Break(request); break;
        }

        Settle();
    }

    private static void CheckSent(ModelStream stream, byte[] bytes, bool isFinished)
    {
        var sent = stream.Sent();
        ModelCheck.Same(bytes, sent.Bytes);
        Assert.Equal(isFinished, sent.IsFinished);
    }

    private static bool IsMute(Request request) => request.Said == 0 && !request.IsFinished;

    private static void Say(Request request, ReadOnlyMemory<byte> bytes) => request.Lease!.Stream.Say(bytes);

    // The second one is nobody's.
    private void Answer(Request request, bool isTwice)
    {
        if (request.IsFinished) return;
        Say(request, (byte[])[.. request.Answer[request.Said..], .. isTwice ? request.Answer : []]);
        request.Said = request.Answer.Length;
        if (request.Kind == Kind.Send) return; // nobody asked
        _talks.Remove(request);
        var stream = request.Lease!.Stream;
        if (!stream.Lingers) EndLease(request.Lease);
        if (request.IsOver)
        {
            Reached("an answer too late");
            return;
        }

        CheckSent(stream, [], isFinished: true);
        Over(request, "ok");
        if (request.IsOrphan) Reached("an answer over a crash");
        if (Name(request) is { } name) _events.Expect(Answered(name, request.Id, request.Answer.AsSpan(Frame.HeaderLength)));
    }

    private static string Answered(int name, ulong id, ReadOnlySpan<byte> payload) =>
        $"{name} has an answer to {id}: {Convert.ToHexString(payload)}";

    private static void Part(Request request, int until)
    {
        if (request.IsFinished || request.Said >= until) return;
        Say(request, request.Answer.AsMemory(request.Said..until));
        request.Said = until;
    }

    private void SayWrong(Request request, byte[] what)
    {
        Say(request, what);
        if (request.Kind == Kind.Exchange) EndTalk(request);
    }

    private void Finish(Request request)
    {
        if (request.IsFinished) return;
        request.IsFinished = true;
        var stream = request.Lease!.Stream;
        stream.Finish();
        if (request.Kind == Kind.Exchange) EndTalk(request);
        else if (stream.IsClosed) Sent(request);
    }

    private void Break(Request request)
    {
        request.Lease!.Stream.Break();
        Broken(request);
    }

    // What a node that has had all, and has finished, still waits for is the stream's end.
    private void Broken(Request request)
    {
        if (!request.IsFinished) EndTalk(request);
        else if (request.Lease!.Stream.IsClosed) Sent(request);
    }

    /// <summary>No answer will come: the stream is given up.</summary>
    private void EndTalk(Request request)
    {
        _talks.Remove(request);
        var stream = request.Lease!.Stream;
        Assert.True(stream.IsAborted);
        if (!stream.Lingers) EndLease(request.Lease);
        if (!request.IsOver) Fail(request, MeshRefusal.StreamFailed);
    }

    private void Sent(Request request)
    {
        _talks.Remove(request);
        EndLease(request.Lease!);
        if (!request.IsOver) Over(request, "sent");
    }

    /// <summary>The pool has given it up.</summary>
    private void Reset(Request request)
    {
        var stream = request.Lease!.Stream;
        Assert.True(stream.IsAborted);
        if (stream.Lingers) return; // what comes on it comes too late
        _talks.Remove(request);
        _ended.Add(request.Lease);
    }
}
