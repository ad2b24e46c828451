using System.Globalization;
using Macula.Actors.Configuration;

namespace Macula.Actors.Memory;

/// <summary>When memory is short, and how it is met; the table <c>macula.memory</c> of hocon/reference.conf says what each
/// costs.</summary>
public sealed record MemoryOptions
{
    private const long LeastLimit = 64L << 20;
    private const long MostLimit = 64L << 40;

    /// <summary>Percent of the limit above which something is given up.</summary>
    public required int HighMark { get; init; }

    /// <summary>Percent of the limit below which all is given back; less than <see cref="HighMark"/>.</summary>
    public required int LowMark { get; init; }

    /// <summary>Bytes; 0 takes that of the cgroup or the machine.</summary>
    public required long Limit { get; init; }

    /// <summary>How often memory is read.</summary>
    public required TimeSpan CheckInterval { get; init; }

    /// <summary>What a step has to show its effect before the next is taken.</summary>
    public required TimeSpan StepInterval { get; init; }

    /// <summary>What clients that are refused meanwhile are told to wait.</summary>
    public required TimeSpan RetryAfter { get; init; }

    public static MemoryOptions Read(OptionsReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var options = new MemoryOptions
        {
            HighMark = reader.Int("high-mark", 2, 100),
            LowMark = reader.Int("low-mark", 1, 99),
            Limit = reader.LongSize("limit", 0, MostLimit),
            CheckInterval = reader.Duration("check-interval", TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1)),
            StepInterval = reader.Duration("step-interval", TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1)),
            RetryAfter = reader.Duration("retry-after", TimeSpan.Zero, TimeSpan.FromHours(1)),
        };
        if (reader.Faults.Count == 0 && options.LowMark >= options.HighMark) // a faulty value cannot be compared
        {
            reader.Fault(
                "low-mark", options.LowMark.ToString(CultureInfo.InvariantCulture),
                $"less than high-mark, which is {options.HighMark}");
        }

        if (options.Limit is > 0 and < LeastLimit)
            reader.Fault("limit", reader.Text("limit"), $"0, or at least {Units.Show(LeastLimit)}");

        return options;
    }
}
