using System.Net.Sockets;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Neighbours;

/// <summary>A client that reads all the time.</summary>
internal sealed class Listener : IAsyncDisposable
{
    private readonly INeighbourClient _client;
    private readonly Task _running;

    /// <param name="client">Belongs to this from now on.</param>
    public Listener(INeighbourClient client, ArrivalHandler handle)
    {
        _client = client;
        _running = Task.Run(() => RunAsync(handle));
    }

    /// <summary>Why it reads no more; null as long as it does.</summary>
    public string? Fault { get; private set; }

    public async ValueTask DisposeAsync()
    {
        _client.Die();
        await _running.ConfigureAwait(false);
        await _client.DisposeAsync().ConfigureAwait(false);
    }

    private async Task RunAsync(ArrivalHandler handle)
    {
        try
        {
            await _client.ReceiveAsync(handle, CancellationToken.None).ConfigureAwait(false);
            Fault = "the server ended the connection";
        }
        catch (Exception error) when (
            error is IOException or SocketException or ObjectDisposedException or QuicTransportException or InvalidDataException)
        {
            Fault = error.Message;
        }
    }
}
