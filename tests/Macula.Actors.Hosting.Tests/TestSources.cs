using System.Text.RegularExpressions;

namespace Macula.Actors.Hosting.Tests;

/// <summary>The facts in the sources of all test projects, and the defects of the reference that they are marked with.
/// </summary>
/// <remarks>Reads text, since no project can refer to all the others: a class begins in the first column, its facts and
/// their attributes in the fifth.</remarks>
internal static partial class TestSources
{
    /// <summary>Each as "Class.Fact"; a class that is marked itself as "Class", too.</summary>
    public static List<(string Name, IReadOnlyList<string> Defects)> Facts(string root) => [..
        from file in Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories)
        where !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
        from fact in FactsOf(File.ReadLines(file))
        select fact];

    private static IEnumerable<(string Name, IReadOnlyList<string> Defects)> FactsOf(IEnumerable<string> lines)
    {
        var className = "";
        List<string> attributes = [];
        foreach (var line in lines)
        {
            if (line.StartsWith('[') || line.StartsWith("    [", StringComparison.Ordinal))
            {
                attributes.Add(line);
                continue;
            }

            if (Class().Match(line) is { Success: true } found)
            {
                className = found.Groups[1].Value;
                if (DefectsIn(attributes) is { Count: > 0 } ofAll) yield return (className, ofAll);
            }
            else if (Method().Match(line) is { Success: true } method && attributes.Any(each => Fact().IsMatch(each)))
            {
                yield return ($"{className}.{method.Groups[1].Value}", DefectsIn(attributes));
            }
            else if (line.StartsWith("     ", StringComparison.Ordinal))
            {
                continue; // an attribute or a declaration goes on
            }

            attributes.Clear();
        }
    }

    private static List<string> DefectsIn(IEnumerable<string> attributes) =>
        [.. attributes.SelectMany(each => Trait().Matches(each)).Select(trait => trait.Groups[1].Value)];

    [GeneratedRegex(@"^(?:public|internal) .*\bclass (\w+)")]
    private static partial Regex Class();

    [GeneratedRegex(@"^    public .*? (\w+)\(")]
    private static partial Regex Method();

    [GeneratedRegex(@"\[(?:Fact|Theory|ContractFact)\b")]
    private static partial Regex Fact();

    [GeneratedRegex(@"Trait\(""Defect"", ""(\w+)""\)")]
    private static partial Regex Trait();
}
