using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Macula.Actors.Tests;

/// <summary>Makes meters and adds up what their counters say; parallel specs do not count each other.</summary>
public sealed class TestMeters : IMeterFactory
{
    private readonly ConcurrentDictionary<(string Instrument, string? Tag), long> _totals = [];
    private readonly ConcurrentDictionary<string, long> _observed = [];
    private readonly List<Meter> _meters = [];
    private readonly MeterListener _listener = new();

    public TestMeters()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, this)) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (instrument.IsObservable)
            {
                _observed[instrument.Name] = value;
                return;
            }

            Add(instrument.Name, null, value);
            foreach (var tag in tags) Add(instrument.Name, tag.Value as string, value);
        });
        _listener.Start();
    }

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    /// <summary>The sum of a counter, of all measurements or of those with this tag value.</summary>
    public long Total(string instrument, string? tag = null) => _totals.GetValueOrDefault((instrument, tag));

    /// <summary>What a gauge without tags shows now.</summary>
    public long Observed(string instrument)
    {
        _listener.RecordObservableInstruments();
        return _observed[instrument];
    }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var meter in _meters) meter.Dispose();
    }

    private void Add(string instrument, string? tag, long value) =>
        _totals.AddOrUpdate((instrument, tag), value, (_, sum) => sum + value);
}
