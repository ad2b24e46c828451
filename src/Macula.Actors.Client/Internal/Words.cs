using System.Globalization;

namespace Macula.Actors.Client.Internal;

/// <summary>Values as sentences show them.</summary>
internal static class Words
{
    public static string Seconds(this TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###} s");
}
