using System.Globalization;
using System.Net;
using System.Text;
using Macula.Actors.Load.Nodes;

namespace Macula.Actors.Load.Reporting;

/// <summary>A run as one page: verdicts first, then figures and charts of each scenario.</summary>
internal static class HtmlReport
{
    private const string Style =
        """
        body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2937}
        table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
        td,th{border-bottom:1px solid #e5e7eb;padding:.3rem .6rem;text-align:left;vertical-align:top}
        td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        .pass{color:#047857;font-weight:600}.fail{color:#b91c1c;font-weight:600}.goal{color:#b45309;font-weight:600}
        figure{margin:1rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}
        .legend span{margin-right:1rem;white-space:nowrap}.legend i{display:inline-block;width:.8em;height:.8em;margin-right:.35em}
        .quiet{color:#6b7280}
        """;

    public static string Render(LoadReport report)
    {
        var page = new StringBuilder()
            .Append("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">")
            .Append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")
            .Append($"<title>macula load</title><style>{Style}</style></head><body>")
            .Append($"<h1>macula load: {Outcome(report.Passed)}</h1>")
            .Append("<p class=\"quiet\">")
            .Append(Encode(string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Started:yyyy-MM-dd HH:mm} UTC, {report.Duration.TotalSeconds:0} s. Node: {report.Node}. " +
                $"{report.Machine}, {report.Cores} cores, {report.Runtime}. QUIC: {report.Quic}. " +
                $"Seed {report.Seed}, scale {report.Scale}.")))
            .Append("</p>");
        Summary(page, report);
        foreach (var scenario in report.Scenarios) Scenario(page, scenario);
        return page.Append("</body></html>\n").ToString();
    }

    private static void Summary(StringBuilder page, LoadReport report)
    {
        page.Append("<table><tr><th>scenario</th><th>what it proves</th><th></th><th class=\"number\">promises kept</th>")
            .Append("<th class=\"number\">time</th></tr>");
        foreach (var each in report.Scenarios)
        {
            var promises = each.Verdicts.Where(verdict => !verdict.IsGoal).ToList();
            page.Append($"<tr><td><a href=\"#{each.Name}\">{each.Name}</a></td><td>{Encode(each.Summary)}</td>")
                .Append($"<td>{(each.Skipped is null ? Outcome(each.Passed) : "skipped")}</td>")
                .Append($"<td class=\"number\">{promises.Count(verdict => verdict.Passed)} of {promises.Count}</td>")
                .Append(string.Create(CultureInfo.InvariantCulture, $"<td class=\"number\">{each.Duration.TotalSeconds:0.0} s</td></tr>"));
        }

        page.Append("</table>");
    }

    private static void Scenario(StringBuilder page, ScenarioReport scenario)
    {
        page.Append($"<h2 id=\"{scenario.Name}\">{scenario.Name}</h2><p>{Encode(scenario.Summary)}.</p>");
        if (scenario.Skipped is { } skipped)
        {
            page.Append($"<p>Skipped: {Encode(skipped)}.</p>");
            return;
        }

        if (scenario.Fault is { } fault) page.Append($"<p class=\"fail\">It did not come to its end: {Encode(fault)}</p>");
        if (scenario.Sizes.Count > 0)
            page.Append("<p class=\"quiet\">")
                .Append(Encode(string.Join("; ", scenario.Sizes.Select(each => $"{each.Key}: {each.Value}")))).Append("</p>");

        page.Append("<table><tr><th>promise</th><th>expected</th><th>measured</th><th></th></tr>");
        foreach (var each in scenario.Verdicts)
            page.Append($"<tr><td>{Encode(each.Name)}</td><td>{Encode(each.Expected)}</td><td>{Encode(each.Measured)}</td>")
                .Append($"<td>{Outcome(each)}</td></tr>");
        page.Append("</table>");
        Latencies(page, scenario.Latencies);
        if (scenario.Figures.Count > 0)
        {
            page.Append("<table><tr><th>figure</th><th class=\"number\"></th></tr>");
            foreach (var each in scenario.Figures)
                page.Append($"<tr><td>{Encode(each.Name)}</td><td class=\"number\">{Encode(Units.Of(each))}</td></tr>");
            page.Append("</table>");
        }

        Charts(page, scenario);
    }

    private static void Latencies(StringBuilder page, IReadOnlyList<LatencyFigures> latencies)
    {
        if (latencies.Count == 0) return;
        page.Append("<table><tr><th>time</th>");
        foreach (var column in (string[])["count", "p50", "p90", "p99", "p99.9", "max"])
            page.Append($"<th class=\"number\">{column}</th>");
        page.Append("</tr>");
        foreach (var each in latencies)
        {
            page.Append($"<tr><td>{Encode(each.Name)}</td><td class=\"number\">{Units.Count(each.Count)}</td>");
            foreach (var time in (double[])[each.P50, each.P90, each.P99, each.P999, each.Max])
                page.Append($"<td class=\"number\">{Units.Microseconds(time)}</td>");
            page.Append("</tr>");
        }

        page.Append("</table>");
        // Percentiles at even distances: most of what matters is in the last tenth.
        double[] places = [0, 1, 2, 3, 4];
        string[] names = ["p50", "p90", "p99", "p99.9", "max"];
        page.Append(SvgChart.Render(
            "Percentiles, milliseconds",
            [.. latencies.Where(each => each.Count > 0).Select(each => new SvgChart.Line(each.Name,
                [.. places.Zip([each.P50 / 1000, each.P90 / 1000, each.P99 / 1000, each.P999 / 1000, each.Max / 1000])]))],
            at => names[(int)Math.Round(at)], Units.Count));
    }

    private static void Charts(StringBuilder page, ScenarioReport scenario)
    {
        var samples = scenario.Samples;
        if (samples.Count < 2) return;
        // Those that changed, the liveliest first; bytes are of another size than entries.
        var moving = samples[^1].Tables.Keys.Where(name => !name.EndsWith("bytes", StringComparison.Ordinal))
            .Select(name => (Name: name, Span: samples.Max(each => each.Size(name)) - samples.Min(each => each.Size(name))))
            .Where(each => each.Span > 0).OrderByDescending(each => each.Span).Take(SvgChart.MaxLines);
        page.Append(SvgChart.Render(
            "Tables of the node, entries", [.. moving.Select(each => Line(each.Name, samples, sample => sample.Size(each.Name)))],
            Seconds, Units.Count));
        page.Append(SvgChart.Render(
            "Memory of the node",
            [
                Line("resident", samples, sample => sample.Resident),
                Line("managed", samples, sample => sample.Memory?.Managed),
                Line("live", samples, sample => sample.Memory is { Live: > 0 } memory ? memory.Live : null),
                Line("committed heap", samples, sample => sample.Memory?.Committed),
                Line("native", samples, sample => sample.Memory?.Native),
                Line("native live", samples, sample => sample.Memory is { NativeLive: > 0 } memory ? memory.NativeLive : null),
                Line("kernel, UDP sockets", samples, sample => sample.Kernel?.SocketMemory),
            ],
            Seconds, Units.Bytes));
        page.Append(SvgChart.Render("CPU of the node, cores", [new SvgChart.Line("cores", Cores(samples))], Seconds, Units.Count));
    }

    private static SvgChart.Line Line(string name, IReadOnlyList<NodeSample> samples, Func<NodeSample, double?> value) => new(
        name, [.. samples.Where(each => value(each) is not null).Select(each => (each.At.TotalSeconds, value(each)!.Value))]);

    // CPU time comes in steps of 10 ms: readings that are closer together than this would show those.
    private static List<(double X, double Y)> Cores(IReadOnlyList<NodeSample> samples)
    {
        List<(double, double)> cores = [];
        var last = samples[0];
        foreach (var sample in samples)
        {
            var time = (sample.At - last.At).TotalSeconds;
            if (time < 0.5) continue;
            cores.Add((sample.At.TotalSeconds, Math.Max(0, (sample.CpuSeconds - last.CpuSeconds) / time)));
            last = sample;
        }

        return cores;
    }

    private static string Seconds(double at) => at.ToString("0.# 's'", CultureInfo.InvariantCulture);

    private static string Outcome(bool passed) =>
        passed ? "<span class=\"pass\">kept</span>" : "<span class=\"fail\">broken</span>";

    private static string Outcome(Verdict verdict) => verdict switch
    {
        { IsGoal: false } => Outcome(verdict.Passed),
        { Passed: true } => "<span class=\"pass\">goal reached</span>",
        _ => "<span class=\"goal\">goal missed</span>",
    };

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
