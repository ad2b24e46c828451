using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using System.Globalization;

namespace Macula.Actors.Bench.Wire;

/// <summary>Which types are allocated: the runtime tells one in about every 100 KiB.</summary>
internal sealed class AllocationSampler : EventListener
{
    private const EventKeywords Gc = (EventKeywords)1;

    private readonly ConcurrentDictionary<string, long> _types = [];

    public void Print(double bytesEach)
    {
        double total = Math.Max(1, _types.Values.Sum());
        foreach (var (type, ticks) in _types.OrderByDescending(each => each.Value).Take(15))
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"    {ticks / total,6:P0} {ticks / total * bytesEach,7:0} B  {type}"));
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "Microsoft-Windows-DotNETRuntime")
            EnableEvents(eventSource, EventLevel.Verbose, Gc);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.EventName?.StartsWith("GCAllocationTick", StringComparison.Ordinal) != true) return;
        var at = eventData.PayloadNames!.IndexOf("TypeName");
        _types.AddOrUpdate((string)eventData.Payload![at]!, 1, (_, count) => count + 1);
    }
}
