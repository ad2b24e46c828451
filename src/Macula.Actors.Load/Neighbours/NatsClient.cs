using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Text;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A client of a NATS server. Replies go to an inbox of its own, which names the request.</summary>
internal sealed class NatsClient : INeighbourClient
{
    private const int MaxDigits = 10;

    private readonly TlsLink _link;
    private readonly byte[] _replySubject; // "_INBOX.7." and room for the number
    private readonly int _inbox;
    private int _subscriptions;

    private NatsClient(TlsLink link, int number)
    {
        _link = link;
        var inbox = string.Create(CultureInfo.InvariantCulture, $"_INBOX.{number}.");
        _inbox = inbox.Length;
        _replySubject = new byte[_inbox + MaxDigits];
        Encoding.ASCII.GetBytes(inbox, _replySubject);
    }

    public static async Task<NatsClient> ConnectAsync(
        IPEndPoint server, NeighbourCertificate certificate, int number, CancellationToken cancellationToken)
    {
        var link = await TlsLink.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
        try
        {
            var client = new NatsClient(link, number);
            await client.UntilAsync(NatsKind.Info, cancellationToken).ConfigureAwait(false); // before TLS
            await link.SecureAsync(certificate, cancellationToken).ConfigureAwait(false);
            link.Output.Write(
                "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":true,\"lang\":\"c#\",\"version\":\"1\"}\r\n"u8);
            await client.SettleAsync(cancellationToken).ConfigureAwait(false);
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
        NatsCodec.Subscribe(_link.Output, topic.Span, ++_subscriptions);
        return SettleAsync(cancellationToken);
    }

    public Task ServeAsync(Utf8Text service, CancellationToken cancellationToken) =>
        SubscribeAsync(service, cancellationToken);

    public Task ExpectRepliesAsync(CancellationToken cancellationToken) => SubscribeAsync(
        new Utf8Text((byte[])[.. _replySubject.AsSpan(0, _inbox), (byte)'*']), cancellationToken);

    public void Publish(Utf8Text topic, ReadOnlyMemory<byte> payload) =>
        NatsCodec.Publish(_link.Output, topic.Span, default, payload.Span);

    public void Request(Utf8Text service, int number, ReadOnlyMemory<byte> payload)
    {
        Utf8Formatter.TryFormat(number, _replySubject.AsSpan(_inbox), out var digits);
        NatsCodec.Publish(_link.Output, service.Span, _replySubject.AsSpan(0, _inbox + digits), payload.Span);
    }

    public void Reply(Arrival request, ReadOnlyMemory<byte> payload) =>
        NatsCodec.Publish(_link.Output, request.ReplyTo, default, payload.Span);

    public ValueTask FlushAsync() => _link.FlushAsync();

    public Task ReceiveAsync(ArrivalHandler handle, CancellationToken cancellationToken)
    {
        return _link.ReceiveAsync(Read, cancellationToken);

        bool Read(ref ReadOnlySpan<byte> rest)
        {
            while (NatsCodec.TryRead(ref rest, out var frame))
            {
                if (frame.Kind == NatsKind.Message)
                {
                    if (handle(Arrived(frame))) return true;
                }
                else
                {
                    Housekeep(frame);
                }
            }

            return false;
        }
    }

    public void Die() => _link.Die();

    public ValueTask DisposeAsync() => _link.DisposeAsync();

    private Arrival Arrived(NatsFrame frame)
    {
        if (!frame.ReplyTo.IsEmpty) return new Arrival(ArrivalKind.Request, frame.Text, replyTo: frame.ReplyTo);
        if (frame.Subject.StartsWith(_replySubject.AsSpan(0, _inbox))
            && Utf8Parser.TryParse(frame.Subject[_inbox..], out int number, out _))
            return new Arrival(ArrivalKind.Reply, frame.Text, number);
        return new Arrival(ArrivalKind.Message, frame.Text);
    }

    private void Housekeep(NatsFrame frame)
    {
        if (frame.Kind == NatsKind.Ping) _link.Output.Write("PONG\r\n"u8);
        if (frame.Kind == NatsKind.Error)
            throw new InvalidDataException($"nats-server says {Encoding.ASCII.GetString(frame.Text)}");
    }

    // When PONG is here the server has done all that was sent before.
    private Task SettleAsync(CancellationToken cancellationToken)
    {
        _link.Output.Write("PING\r\n"u8);
        return UntilAsync(NatsKind.Pong, cancellationToken);
    }

    private async Task UntilAsync(NatsKind kind, CancellationToken cancellationToken)
    {
        if (!await _link.ReceiveAsync(Read, cancellationToken).ConfigureAwait(false))
            throw new IOException($"nats-server ended the connection before it sent {kind}");

        bool Read(ref ReadOnlySpan<byte> rest)
        {
            while (NatsCodec.TryRead(ref rest, out var frame))
            {
                if (frame.Kind == kind) return true;
                Housekeep(frame);
            }

            return false;
        }
    }
}
