using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A client of an MQTT 3.1.1 broker. That version knows no requests: the payload of one begins with its number
/// and the topic of its reply, as applications do it.</summary>
internal sealed class MqttClient : INeighbourClient
{
    private const int NumberSize = sizeof(int);

    private readonly TlsLink _link;
    private readonly Utf8Text _replyTopic;
    private Utf8Text? _service;
    private ushort _subscriptions;

    private MqttClient(TlsLink link, int number)
    {
        _link = link;
        _replyTopic = string.Create(CultureInfo.InvariantCulture, $"load/replies/{number}");
    }

    public static async Task<MqttClient> ConnectAsync(
        IPEndPoint server, NeighbourCertificate certificate, int number, CancellationToken cancellationToken)
    {
        var link = await TlsLink.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
        try
        {
            var client = new MqttClient(link, number);
            await link.SecureAsync(certificate, cancellationToken).ConfigureAwait(false);
            MqttCodec.Connect(link.Output, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"load-{number}")));
            await client.UntilAsync(MqttKind.ConnAck, 1, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await link.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public Task SubscribeAsync(Utf8Text topic, CancellationToken cancellationToken)
    {
        MqttCodec.Subscribe(_link.Output, ++_subscriptions, topic.Span);
        return UntilAsync(MqttKind.SubAck, 2, cancellationToken);
    }

    public Task ServeAsync(Utf8Text service, CancellationToken cancellationToken)
    {
        _service = service;
        return SubscribeAsync(service, cancellationToken);
    }

    public Task ExpectRepliesAsync(CancellationToken cancellationToken) => SubscribeAsync(_replyTopic, cancellationToken);

    public void Publish(Utf8Text topic, ReadOnlyMemory<byte> payload) =>
        MqttCodec.Publish(_link.Output, topic.Span, payload.Span);

    public void Request(Utf8Text service, int number, ReadOnlyMemory<byte> payload)
    {
        var written = MqttCodec.Publish(_link.Output, service.Span, payload.Span);
        BinaryPrimitives.WriteInt32LittleEndian(written, number);
        written[NumberSize] = (byte)_replyTopic.Length;
        _replyTopic.Span.CopyTo(written[(NumberSize + 1)..]);
    }

    public void Reply(Arrival request, ReadOnlyMemory<byte> payload)
    {
        var written = MqttCodec.Publish(_link.Output, request.ReplyTo, payload.Span);
        request.Payload[..NumberSize].CopyTo(written);
    }

    public ValueTask FlushAsync() => _link.FlushAsync();

    public Task ReceiveAsync(ArrivalHandler handle, CancellationToken cancellationToken)
    {
        return _link.ReceiveAsync(Read, cancellationToken);

        bool Read(ref ReadOnlySpan<byte> rest)
        {
            while (MqttCodec.TryRead(ref rest, out var frame))
                if (frame.Kind == MqttKind.Publish && handle(Arrived(frame))) return true;
            return false;
        }
    }

    public void Die() => _link.Die();

    public ValueTask DisposeAsync() => _link.DisposeAsync();

    private Arrival Arrived(MqttFrame frame)
    {
        var body = frame.Body;
        if (_service is { } service && service.Equals(frame.Topic))
            return new Arrival(ArrivalKind.Request, body, replyTo: body.Slice(NumberSize + 1, body[NumberSize]));
        return _replyTopic.Equals(frame.Topic)
            ? new Arrival(ArrivalKind.Reply, body, BinaryPrimitives.ReadInt32LittleEndian(body))
            : new Arrival(ArrivalKind.Message, body);
    }

    /// <param name="code">Where the code is that says whether it was accepted (sections 3.2.2.3 and 3.9.3).</param>
    private async Task UntilAsync(MqttKind kind, int code, CancellationToken cancellationToken)
    {
        var refused = 0;
        if (!await _link.ReceiveAsync(Read, cancellationToken).ConfigureAwait(false))
            throw new IOException($"the broker ended the connection before it sent {kind}");
        if (refused != 0) throw new InvalidDataException($"the broker refused with code {refused} in {kind}");

        bool Read(ref ReadOnlySpan<byte> rest)
        {
            while (MqttCodec.TryRead(ref rest, out var frame))
            {
                if (frame.Kind != kind) continue;
                if (frame.Body.Length <= code) throw new InvalidDataException($"the broker sent a {kind} without a code");
                refused = frame.Body[code];
                return true;
            }

            return false;
        }
    }
}
