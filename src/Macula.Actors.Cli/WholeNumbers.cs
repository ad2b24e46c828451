using System.CommandLine.Parsing;
using System.Globalization;

namespace Macula.Actors.Cli;

/// <summary>Whole numbers within a range.</summary>
internal static class WholeNumbers
{
    /// <summary>A parser for an option whose value is from <paramref name="least"/> to
    /// <paramref name="most"/>.</summary>
    public static Func<ArgumentResult, int?> Parser(string option, int least, int most = int.MaxValue) => result =>
    {
        var text = result.Tokens is [{ Value: var value }] ? value : "";
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) &&
            number >= least && number <= most)
            return number;

        var allowed = most == int.MaxValue ? $"allowed from {least}" : $"allowed: {least} to {most}";
        result.AddError($"{option} is '{text}'; {allowed}");
        return null;
    };
}
