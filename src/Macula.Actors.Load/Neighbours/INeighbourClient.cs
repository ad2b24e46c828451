using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A client of a server that is measured. What it writes is gathered until it is flushed.</summary>
/// <remarks>One task may write and one may read at a time; the task that reads may write only from its handler, and then
/// no other writes. An idle client has neither task nor timer.</remarks>
internal interface INeighbourClient : IClient
{
    /// <summary>Subscribes; when this returns, the server has taken it up.</summary>
    Task SubscribeAsync(Utf8Text topic, CancellationToken cancellationToken);

    /// <summary>Takes requests of that name; when this returns, the server has taken it up.</summary>
    Task ServeAsync(Utf8Text service, CancellationToken cancellationToken);

    /// <summary>Gets ready to make requests.</summary>
    Task ExpectRepliesAsync(CancellationToken cancellationToken);

    void Publish(Utf8Text topic, ReadOnlyMemory<byte> payload);

    /// <param name="number">Comes back with the reply.</param>
    void Request(Utf8Text service, int number, ReadOnlyMemory<byte> payload);

    void Reply(Arrival request, ReadOnlyMemory<byte> payload);

    /// <summary>Sends what was written; waits while the server does not take it.</summary>
    ValueTask FlushAsync();

    /// <summary>Reads until <paramref name="handle"/> has enough or the connection ends; sends, after each piece that
    /// came, what the handler wrote.</summary>
    Task ReceiveAsync(ArrivalHandler handle, CancellationToken cancellationToken);
}
