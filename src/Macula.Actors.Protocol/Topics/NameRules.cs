using System.Text;

namespace Macula.Actors.Protocol;

/// <summary>What is wrong with a name.</summary>
public enum NameFault
{
    None,
    InvalidName,
    InvalidTopic,
    EmptyRealm,
    InvalidRealm,
}

/// <summary>The strict rule for names, which is an option: topics and procedures outside it are
/// legal on the wire today.</summary>
/// <remarks>Not empty; segments separated by single dots, none of them empty; A-Z a-z 0-9 _ - in a
/// segment, in topics * and # as well.</remarks>
public static class NameRules
{
    private const byte Dot = (byte)'.';

    public static NameFault CheckProcedure(ReadOnlySpan<byte> name) =>
        IsSound(name, wildcards: false) ? NameFault.None : NameFault.InvalidName;

    public static NameFault CheckTopic(ReadOnlySpan<byte> topic) =>
        IsSound(topic, wildcards: true) ? NameFault.None : NameFault.InvalidTopic;

    public static NameFault CheckRealm(ReadOnlySpan<byte> realm) =>
        realm.IsEmpty ? NameFault.EmptyRealm
        : IsSound(realm, wildcards: false) ? NameFault.None : NameFault.InvalidRealm;

    /// <summary>The stable snake_case code; null for none.</summary>
    public static string? Code(this NameFault fault) => fault switch
    {
        NameFault.InvalidName => "invalid_name",
        NameFault.InvalidTopic => "invalid_topic",
        NameFault.EmptyRealm => "empty_realm",
        NameFault.InvalidRealm => "invalid_realm",
        _ => null,
    };

    /// <summary>A topic or procedure without blanks at both ends, in lower case, runs of dots made
    /// one. It need not be sound.</summary>
    public static Utf8Text Normalize(Utf8Text name)
    {
        var text = NormalizeText(name);
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
            if (c != '.' || result.Length == 0 || result[^1] != '.') result.Append(c);
        return result.ToString();
    }

    /// <summary>A realm without blanks at both ends, in lower case. CONNECT compares realms as
    /// they are.</summary>
    public static Utf8Text NormalizeRealm(Utf8Text realm) => NormalizeText(realm);

    /// <summary>The first segment of a name.</summary>
    public static ReadOnlySpan<byte> Namespace(ReadOnlySpan<byte> name)
    {
        var end = name.IndexOf(Dot);
        return end < 0 ? name : name[..end];
    }

    private static string NormalizeText(Utf8Text text) =>
        text.ToString().Trim().ToLowerInvariant();

    private static bool IsSound(ReadOnlySpan<byte> name, bool wildcards)
    {
        if (name.IsEmpty || name[^1] == Dot) return false;

        var previous = Dot;
        foreach (var c in name)
        {
            var sound = c == Dot
                ? previous != Dot
                : char.IsAsciiLetterOrDigit((char)c) || c is (byte)'_' or (byte)'-' ||
                    (wildcards && c is (byte)'*' or (byte)'#');
            if (!sound) return false;
            previous = c;
        }

        return true;
    }
}
