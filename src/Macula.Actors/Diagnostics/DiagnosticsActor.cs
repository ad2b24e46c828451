using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Memory;
using Macula.Actors.Protocol;
using Macula.Actors.Rpc;

namespace Macula.Actors.Diagnostics;

/// <summary>The procedures <c>com.macula.diagnostics.*</c>: anyone may ask the node how it is (docs/wire.md).</summary>
public sealed class DiagnosticsActor : ReceiveActor
{
    private const string Prefix = "com.macula.diagnostics.";
    // Parsing and printing costs the node; and what is escaped grows up to six times, into one frame.
    private const int MaxArgs = 64 * 1024;

    private static readonly TimeSpan MemoryAge = TimeSpan.FromMilliseconds(100);

    private static readonly string Version = typeof(DiagnosticsActor).Assembly.GetName().Version!.ToString(3);

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly GatewayIdentity _identity;
    private readonly TableCensus _census;
    private JsonObject _memory = [];
    private long? _memoryAt;

    /// <summary>What it answers. Whoever starts it registers these, before anyone can call them.</summary>
    public static IReadOnlyList<string> Procedures { get; } =
        [Prefix + "hello", Prefix + "echo", Prefix + "info", Prefix + "tables", Prefix + "memory"];

    public static Props Props(GatewayIdentity identity, TableCensus census) =>
        Akka.Actor.Props.Create(() => new DiagnosticsActor(identity, census));

    public DiagnosticsActor(GatewayIdentity identity, TableCensus census)
    {
        (_identity, _census) = (identity, census);
        Receive<RpcProtocol.Registered>(_ => { });
        Receive<RpcProtocol.Invoke>(msg => Sender.Tell(
            msg.Args.Length > MaxArgs
                ? msg.Fail(ReplyErrorCodes.InvalidRequest, $"Arguments of {msg.Args.Length} bytes are more than {MaxArgs}.")
                : msg.Succeed(JsonSerializer.SerializeToUtf8Bytes(Answer(msg)))));
    }

    private long UptimeSeconds => (long)Stopwatch.GetElapsedTime(_started).TotalSeconds;

    private JsonObject Answer(RpcProtocol.Invoke msg)
    {
        var answer = msg.Procedure[Prefix.Length..] switch
        {
            "hello" => Hello(),
            "echo" => new JsonObject { ["echo"] = Parse(msg.Args) },
            "info" => Info(),
            "tables" => Tables(),
            "memory" => Memory(),
            _ => new JsonObject { ["error"] = "unknown_procedure" },
        };
        answer["timestamp"] = Context.System.Scheduler.Now.ToUnixTimeSeconds();
        return answer;
    }

    private JsonObject Hello() => new()
    {
        ["message"] = "Hello from Macula Gateway!",
        ["gateway"] = _identity.Node.ToString(),
        ["realm"] = _identity.Realm,
        ["uptime_seconds"] = UptimeSeconds,
        ["version"] = Version,
        ["protocol"] = "HTTP/3 (QUIC)", // the reference's word for it, which clients may compare
    };

    // The keys under "system" are the reference's; the numbers are those of our runtime.
    private JsonObject Info() => new()
    {
        ["gateway"] = new JsonObject
        {
            ["node"] = _identity.Node.ToString(),
            ["realm"] = _identity.Realm,
            ["uptime_seconds"] = UptimeSeconds,
            ["version"] = Version,
        },
        ["system"] = new JsonObject
        {
            ["otp_version"] = $".NET {Environment.Version}",
            ["erts_version"] = $"Akka.NET {typeof(ActorSystem).Assembly.GetName().Version?.ToString(3)}",
            ["process_count"] = ThreadPool.ThreadCount,
            ["memory_bytes"] = Environment.WorkingSet,
            ["process_memory_bytes"] = GC.GetTotalMemory(forceFullCollection: false),
        },
    };

    private JsonObject Tables()
    {
        var (tables, census) = (new JsonObject(), _census.Tables);
        // First, and as close together as can be: clients and client_streams are compared.
        long[] sizes = [.. census.Select(table => table.Size)];
        foreach (var (table, size) in census.Zip(sizes))
        {
            tables[table.Name] = new JsonObject
            {
                ["size"] = size,
                ["limit"] = table.Limit,
                ["high_water"] = table.HighWater,
                ["evicted"] = table.Evictions,
                ["expired"] = table.Expiries,
                ["rejected"] = table.Rejected,
                ["rejections"] = new JsonObject(table.Rejections.Select(
                    each => KeyValuePair.Create(each.Key, (JsonNode?)each.Value))),
            };
        }

        return new JsonObject { ["tables"] = tables };
    }

    // The system is asked for it at most ten times a second: it takes a millisecond, and anybody may call.
    private JsonObject Memory()
    {
        if (_memoryAt is not { } at || Stopwatch.GetElapsedTime(at) > MemoryAge)
            (_memory, _memoryAt) = (ReadMemory(), Stopwatch.GetTimestamp());
        return (JsonObject)_memory.DeepClone();
    }

    // Bytes. What is resident beside the committed heap is native: QUIC, TLS, stacks, code.
    private static JsonObject ReadMemory()
    {
        using var process = Process.GetCurrentProcess();
        var heap = GC.GetGCMemoryInfo(GCKind.Any);
        return new JsonObject
        {
            ["memory"] = new JsonObject
            {
                ["managed"] = GC.GetTotalMemory(forceFullCollection: false),
                ["live"] = LiveMemory.Managed(),
                ["committed"] = heap.TotalCommittedBytes,
                ["resident"] = process.WorkingSet64,
                ["native"] = Math.Max(0, process.WorkingSet64 - heap.TotalCommittedBytes),
                ["native_live"] = LiveMemory.Native(),
                ["handles"] = process.HandleCount,
                ["threads"] = process.Threads.Count,
                ["cpu_seconds"] = process.TotalProcessorTime.TotalSeconds,
                ["collections"] = new JsonArray([.. Enumerable.Range(0, GC.MaxGeneration + 1)
                    .Select(generation => JsonValue.Create(GC.CollectionCount(generation)))]),
            },
        };
    }

    private static JsonNode? Parse(ReadOnlyMemory<byte> args)
    {
        try
        {
            var parsed = JsonNode.Parse(args.Span);
            _ = parsed?.ToJsonString(); // half a surrogate pair and the like show only when they are written
            return parsed;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return Convert.ToBase64String(args.Span);
        }
    }
}
