using System.Collections.Concurrent;
using Macula.Actors.Transport;

namespace Macula.Actors.Fuzz;

/// <summary>Sends back all that comes, on every stream of every connection.</summary>
internal sealed class EchoServer(IQuicListener listener)
{
    private readonly ConcurrentDictionary<IQuicConnection, bool> _connections = [];

    /// <summary>Until the listener is disposed.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await listener.AcceptConnectionAsync());
        }
        catch (QuicTransportException fault) when (fault.Error == QuicTransportError.OperationAborted)
        {
            // Disposed.
        }
    }

    /// <summary>Ends what is left: a bad network may have lost a client's goodbye.</summary>
    public void AbortAll()
    {
        foreach (var connection in _connections.Keys) connection.Abort(0);
    }

    private async Task ServeAsync(IQuicConnection connection)
    {
        _connections[connection] = true;
        await using (connection)
        {
            try
            {
                while (true) _ = EchoAsync(await connection.AcceptStreamAsync());
            }
            catch (QuicTransportException)
            {
                // The connection has ended; whoever used it says whether it should have.
            }

            _connections.TryRemove(connection, out _);
        }
    }

    private static async Task EchoAsync(IQuicStream stream)
    {
        await using (stream)
        {
            try
            {
                await stream.Input.CopyToAsync(stream.Output);
                await stream.Output.CompleteAsync();
                await stream.Closed;
            }
            catch (QuicTransportException)
            {
                // As above.
            }
        }
    }
}
