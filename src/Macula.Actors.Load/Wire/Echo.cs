using Macula.Actors.Load.Scenarios;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;

namespace Macula.Actors.Load.Wire;

/// <summary>A provider that answers each call at once with its arguments.</summary>
internal sealed class Echo : IAsyncDisposable
{
    private readonly LoadClient _client;
    private readonly Advertisement _advertisement;
    private Task _running = Task.CompletedTask;

    private Echo(LoadClient client, Advertisement advertisement) => (_client, _advertisement) = (client, advertisement);

    public static async Task<Echo> StartAsync(Dial dial, NodeId id, Utf8Text procedure, CancellationToken cancellationToken)
    {
        var client = await LoadClient.ConnectAsync(dial, id, cancellationToken).ConfigureAwait(false);
        await Services.AdvertiseAsync(client, procedure).ConfigureAwait(false);
        await client.SettleAsync(cancellationToken).ConfigureAwait(false);
        var echo = new Echo(client, new Advertisement(client, procedure));
        echo._running = echo.RunAsync();
        return echo;
    }

    public async ValueTask DisposeAsync()
    {
        _client.Die();
        await _running.ConfigureAwait(false);
        await _client.DisposeAsync().ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        try
        {
            await _client.ReceiveAsync(OnFrame, CancellationToken.None, flush: true).ConfigureAwait(false);
        }
        catch (QuicTransportException)
        {
            // The scenario is over.
        }
    }

    private bool OnFrame(Frame frame)
    {
        _advertisement.RenewIfDue();
        if (frame.Type == FrameType.Call && CallMessage.TryDecode(frame.Payload, out var call, out _))
            _client.Write(new ReplyMessage(call.CallId, call.Args));
        return false;
    }
}
