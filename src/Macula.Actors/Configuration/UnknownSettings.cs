using Akka.Configuration;

namespace Macula.Actors.Configuration;

/// <summary>Finds what is set but not in the reference, and what it was probably meant to be.</summary>
internal static class UnknownSettings
{
    private static readonly string[] Roots = ["macula", "akka"];

    public static IReadOnlyList<string> Find(Config config, Config reference)
    {
        List<string> known = [];
        List<string> set = [];
        Leaves(reference, "", known);
        Leaves(config, "", set);
        var sections = Sections(known);

        return
        [
            .. set.Where(path => !path.StartsWith("akka.", StringComparison.Ordinal) && !known.Contains(path))
                .Order(StringComparer.Ordinal)
                .Select(path => sections.Contains(path)
                    ? $"{path} is a section; write {path} {{ ... }} with settings in it"
                    : $"{path} is unknown{Suggestion(path, known)}"),
        ];
    }

    // An object inside a setting of the reference is that setting's own fault; its reader tells.
    private static void Leaves(Config config, string prefix, List<string> into)
    {
        foreach (var (key, value) in config.AsEnumerable())
        {
            var path = prefix.Length == 0 ? key : $"{prefix}.{key}";
            if (prefix.Length == 0 && !Roots.Contains(key)) into.Add(path);
            else if (value.IsObject()) Leaves(config.GetConfig($"\"{key}\""), path, into);
            else into.Add(path);
        }
    }

    private static HashSet<string> Sections(IEnumerable<string> known)
    {
        HashSet<string> sections = [];
        foreach (var path in known)
            for (var dot = path.IndexOf('.', StringComparison.Ordinal); dot > 0; dot = path.IndexOf('.', dot + 1))
                sections.Add(path[..dot]);
        return sections;
    }

    private static string Suggestion(string path, List<string> known)
    {
        var name = Last(path);
        var nearest = known.MinBy(candidate => Distance(path, candidate))!;
        if (Distance(path, nearest) <= Math.Max(2, name.Length / 3)) return $"; did you mean {nearest}?";

        var elsewhere = known.Find(candidate => Last(candidate) == name);
        return elsewhere is null ? "" : $"; did you mean {elsewhere}?";
    }

    private static string Last(string path) => path[(path.LastIndexOf('.') + 1)..];

    // Levenshtein, a row at a time.
    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var replaced = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
