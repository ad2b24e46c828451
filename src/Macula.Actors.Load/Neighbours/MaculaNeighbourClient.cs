using Macula.Actors.Load.Scenarios;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A client of our own node.</summary>
internal sealed class MaculaNeighbourClient(LoadClient client) : INeighbourClient
{
    private UInt128 _lastMessage;

    public async Task SubscribeAsync(Utf8Text topic, CancellationToken cancellationToken)
    {
        client.Write(new SubscribeMessage([topic], 0));
        await client.SettleAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task ServeAsync(Utf8Text service, CancellationToken cancellationToken)
    {
        await Services.AdvertiseAsync(client, service).ConfigureAwait(false);
        await client.SettleAsync(cancellationToken).ConfigureAwait(false);
    }

    public Task ExpectRepliesAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Publish(Utf8Text topic, ReadOnlyMemory<byte> payload) =>
        client.Write(new PublishMessage(topic, payload, 0, false, MessageId.FromCounter(++_lastMessage)));

    public void Request(Utf8Text service, int number, ReadOnlyMemory<byte> payload) =>
        client.Write(new CallMessage(service, payload, CallId.FromCounter((UInt128)number)));

    public void Reply(Arrival request, ReadOnlyMemory<byte> payload) =>
        client.Write(new ReplyMessage(new CallId(request.ReplyTo), payload));

    public ValueTask FlushAsync() => client.FlushAsync();

    public Task ReceiveAsync(ArrivalHandler handle, CancellationToken cancellationToken) =>
        client.ReceiveAsync(frame => OnFrame(frame, handle), cancellationToken, flush: true);

    public void Die() => client.Die();

    public ValueTask DisposeAsync() => client.DisposeAsync();

    private static bool OnFrame(Frame frame, ArrivalHandler handle)
    {
        switch (frame.Type)
        {
            case FrameType.Publish when PublishMessage.TryDecode(frame.Payload, out var message, out _):
                return handle(new Arrival(ArrivalKind.Message, message.Payload.Span));
            case FrameType.Call when CallMessage.TryDecode(frame.Payload, out var call, out _):
                Span<byte> id = stackalloc byte[call.CallId.Length];
                call.CallId.CopyTo(id);
                return handle(new Arrival(ArrivalKind.Request, call.Args.Span, replyTo: id));
            case FrameType.Reply when ReplyMessage.TryDecode(frame.Payload, out var reply, out _):
                if (reply.Error is { } error)
                    throw new InvalidDataException($"a call failed with {error.Code}: {error.Message}");
                return handle(new Arrival(ArrivalKind.Reply, reply.Result.Span, Number(reply.CallId)));
            default:
                return false;
        }
    }

    private static int Number(CallId id)
    {
        Span<byte> bytes = stackalloc byte[CallId.DefaultLength];
        id.CopyTo(bytes);
        return System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(bytes[^sizeof(int)..]);
    }
}
