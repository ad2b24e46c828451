using System.CommandLine;
using System.Globalization;
using Macula.Actors.Configuration;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;
using Macula.Actors.Transport;
using Macula.Actors.Transport.Memory;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Bench.Wire;

/// <summary>Bytes that the node allocates per message on the way of a PUBLISH and a CALL: actors in this process, peers
/// that allocate nearly nothing.</summary>
internal static class AllocationsCommand
{
    private const int Count = 50_000;
    private const int Batch = 32;

    private static readonly byte[] Payload = new byte[100];

    public static Command Create()
    {
        var types = new Option<bool>("--types") { Description = "Which types, sampled." };
        var provider = new Option<string>("--provider")
        { DefaultValueFactory = _ => "memory", Description = "memory or ngtcp2." };
        provider.AcceptOnlyFromAmong("ngtcp2", "memory");
        var command = new Command("allocations", "Bytes allocated and CPU per message, in process.")
        { types, provider };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(provider)!, parsed.GetValue(types)));
        return command;
    }

    private static async Task<int> RunAsync(string name, bool types)
    {
        IQuicProvider provider = name == "memory"
            ? new MemoryQuicProvider(new MemoryQuicNetwork())
            : new Ngtcp2Provider();
        await using var node = await LocalNode.StartAsync(provider);
        Console.WriteLine("| way | bytes each | CPU each |");
        Console.WriteLine("|---|--:|--:|");
        await MeasureAsync("ping", types, await PingAsync(provider, node));
        await MeasureAsync("publish, no subscriber", types, await PublishAsync(provider, node, 0));
        await MeasureAsync("publish, 1 subscriber", types, await PublishAsync(provider, node, 1));
        await MeasureAsync("publish, 10 subscribers", types, await PublishAsync(provider, node, 10));
        await MeasureAsync("call", types, await CallAsync(provider, node));
        await RefusalsAsync(provider, types);
        return 0;
    }

    // The client's side and the in-memory connection are included: nobody is refused without having connected.
    private static async Task RefusalsAsync(IQuicProvider provider, bool types)
    {
        var settings = GatewaySettings.Read(MaculaConfig.Reference);
        await using var room = await LocalNode.StartAsync(provider);
        await MeasureAsync("connect and leave", types, ConnectAsync(provider, room, FrameType.Pong), Batch);
        await using var full = await LocalNode.StartAsync(
            provider, settings with { Clients = settings.Clients with { MaxClients = 1 } });
        await using var inside = await WirePeer.ConnectAsync(provider, full);
        await MeasureAsync("connect to a full node", types, ConnectAsync(provider, full, FrameType.Disconnect), Batch);
    }

    private static Func<Task> ConnectAsync(IQuicProvider provider, INode node, FrameType answer) => async () =>
    {
        for (var i = 0; i < Batch; i++)
        {
            var peer = await WirePeer.ConnectAsync(provider, node, answer);
            peer.Die();
            await peer.DisposeAsync();
        }
    };

    private static async Task MeasureAsync(string name, bool types, Func<Task> batch, int part = 1)
    {
        for (var i = 0; i < 200; i += part) await batch();
        using var sampler = types ? new AllocationSampler() : null;
        var (bytes, cpu) = (GC.GetTotalAllocatedBytes(precise: true), Environment.CpuUsage.TotalTime);
        var messages = Count / part / Batch * Batch;
        for (var i = 0; i < messages; i += Batch) await batch();
        var each = (double)(GC.GetTotalAllocatedBytes(precise: true) - bytes) / messages;
        var time = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / messages;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {each:N0} B | {time:0.0} us |"));
        sampler?.Print(each);
    }

    private static async Task<Func<Task>> PingAsync(IQuicProvider provider, INode node)
    {
        var peer = await WirePeer.ConnectAsync(provider, node);
        var left = 0;
        bool Enough(Frame frame) => --left == 0;
        return () =>
        {
            left = Batch;
            for (var i = 0; i < Batch; i++) peer.Write(new PingMessage(i));
            return ExchangeAsync(peer, Enough);
        };
    }

    private static async Task<Func<Task>> PublishAsync(IQuicProvider provider, INode node, int subscribers)
    {
        var topic = (Utf8Text)$"bench.{subscribers}.temp";
        var publisher = await WirePeer.ConnectAsync(provider, node);
        var receivers = new List<Func<Task>>();
        for (var i = 0; i < subscribers; i++)
        {
            var subscriber = await WirePeer.ConnectAsync(provider, node);
            await subscriber.SendAsync(new SubscribeMessage([topic]));
            await subscriber.SettleAsync();
            var left = 0;
            bool Enough(Frame frame) => --left == 0;
            receivers.Add(() =>
            {
                left = Batch;
                return subscriber.ReceiveAsync(Enough);
            });
        }

        return async () =>
        {
            var message = new PublishMessage(topic, Payload, 0, false, MessageId.FromCounter(1));
            for (var i = 0; i < Batch; i++) publisher.Write(message);
            if (subscribers == 0) publisher.Write(new PingMessage(1));
            await publisher.FlushAsync();
            if (subscribers == 0) await publisher.ReceiveAsync(FrameType.Pong);
            foreach (var receive in receivers) await receive();
        };
    }

    private static async Task<Func<Task>> CallAsync(IQuicProvider provider, INode node)
    {
        Utf8Text procedure = "bench.echo";
        var serving = await WirePeer.ConnectAsync(provider, node);
        var record = new ServiceRecord(serving.Id, "https://127.0.0.1:9443", Procedure: procedure);
        await serving.SendAsync(new StoreMessage(DhtKey.ForName(procedure).ToArray(), record.Encode()));
        await serving.SettleAsync();
        _ = serving.ReceiveAsync(frame =>
        {
            if (CallMessage.TryDecode(frame.Payload, out var call, out _))
                serving.Write(new ReplyMessage(call.CallId, call.Args));
            return false;
        });

        var caller = await WirePeer.ConnectAsync(provider, node);
        UInt128 id = 0;
        var left = 0;
        bool Enough(Frame frame) => --left == 0;
        return () =>
        {
            left = Batch;
            for (var i = 0; i < Batch; i++) caller.Write(new CallMessage(procedure, Payload, CallId.FromCounter(++id)));
            return ExchangeAsync(caller, Enough);
        };
    }

    private static async Task ExchangeAsync(WirePeer peer, Func<Frame, bool> enough)
    {
        await peer.FlushAsync();
        await peer.ReceiveAsync(enough);
    }
}
