using System.Globalization;
using System.Net;
using System.Text;

namespace Macula.Actors.Load.Reporting;

/// <summary>Lines over an axis, as SVG that needs nothing else.</summary>
internal static class SvgChart
{
    /// <summary>More lines than this cannot be told apart.</summary>
    public const int MaxLines = 8;

    private const int Width = 720, Height = 240, Left = 70, Right = 12, Top = 12, Bottom = 30;

    // In the picture itself, so that it can be taken out of the page.
    private const string Style = "text{font:11px system-ui,sans-serif;fill:#6b7280}line{stroke:#e5e7eb}";

    private static readonly string[] Colours =
        ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f"];

    /// <summary>One line of a chart.</summary>
    public sealed record Line(string Name, IReadOnlyList<(double X, double Y)> Points);

    /// <summary>The chart with its legend; empty when there is nothing to draw.</summary>
    /// <param name="title">Above it.</param>
    /// <param name="lines">At most <see cref="MaxLines"/> are drawn.</param>
    /// <param name="x">Writes a value of the horizontal axis.</param>
    /// <param name="y">Writes a value of the vertical axis, which begins at 0.</param>
    public static string Render(
        string title, IReadOnlyList<Line> lines, Func<double, string> x, Func<double, string> y)
    {
        lines = [.. lines.Where(line => line.Points.Count > 0).Take(MaxLines)];
        if (lines.Count == 0) return "";
        var points = lines.SelectMany(line => line.Points).ToList();
        var (from, to) = (points.Min(each => each.X), points.Max(each => each.X));
        if (to <= from) to = from + 1;
        var most = Round(points.Max(each => each.Y));

        var svg = new StringBuilder($"<figure><figcaption>{WebUtility.HtmlEncode(title)}</figcaption>");
        svg.Append(Invariant($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" role=\"img\"><style>"))
            .Append(Style).Append("</style>");
        for (var i = 0; i <= 4; i++)
        {
            var (at, value) = (Y(most * i / 4), most * i / 4);
            svg.Append(Invariant($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{at:0.#}\" y2=\"{at:0.#}\"/>"));
            svg.Append(Invariant($"<text x=\"{Left - 6}\" y=\"{at + 4:0.#}\" text-anchor=\"end\">{WebUtility.HtmlEncode(y(value))}</text>"));
            var along = from + ((to - from) * i / 4);
            var anchor = i == 0 ? "start" : i == 4 ? "end" : "middle";
            svg.Append(Invariant($"<text x=\"{X(along):0.#}\" y=\"{Height - 8}\" text-anchor=\"{anchor}\">{WebUtility.HtmlEncode(x(along))}</text>"));
        }

        for (var i = 0; i < lines.Count; i++)
        {
            svg.Append($"<polyline fill=\"none\" stroke=\"{Colours[i]}\" stroke-width=\"1.8\" points=\"");
            foreach (var point in lines[i].Points) svg.Append(Invariant($"{X(point.X):0.#},{Y(point.Y):0.#} "));
            svg.Append("\"/>");
        }

        svg.Append("</svg><p class=\"legend\">");
        for (var i = 0; i < lines.Count; i++)
            svg.Append($"<span><i style=\"background:{Colours[i]}\"></i>{WebUtility.HtmlEncode(lines[i].Name)}</span>");
        return svg.Append("</p></figure>").ToString();

        double X(double value) => Left + ((value - from) / (to - from) * (Width - Left - Right));
        double Y(double value) => Height - Bottom - (value / most * (Height - Top - Bottom));
    }

    // To 1, 2, 2.5, 4, 5 or 8 times a power of ten, so that quarters of it are round too.
    private static double Round(double value)
    {
        if (value <= 0) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return new[] { 1, 2, 2.5, 4, 5, 8, 10 }.First(each => each * power >= value * 0.999999) * power;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
