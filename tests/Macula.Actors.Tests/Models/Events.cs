namespace Macula.Actors.Tests.Models;

/// <summary>What one step must make an actor say, and what it said; a line each, in any order.</summary>
internal sealed class Events
{
    private readonly List<string> _expected = [];
    private readonly List<string> _seen = [];

    public void Expect(string what) => _expected.Add(what);

    public void See(string what) => _seen.Add(what);

    /// <summary>Throws unless exactly what was expected has been seen; then begins anew.</summary>
    public void Compare()
    {
        _expected.Sort(StringComparer.Ordinal);
        _seen.Sort(StringComparer.Ordinal);
        if (!_expected.SequenceEqual(_seen)) Assert.Equal(_expected, _seen); // which is slow, for a good report
        _expected.Clear();
        _seen.Clear();
    }
}
