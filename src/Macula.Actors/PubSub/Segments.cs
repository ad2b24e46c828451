namespace Macula.Actors.PubSub;

/// <summary>The ranges between the dots of a topic or pattern: one more than there are dots, empty ones included.
/// </summary>
internal ref struct Segments(ReadOnlySpan<byte> text)
{
    private const byte Separator = (byte)'.';

    private readonly ReadOnlySpan<byte> _text = text;
    private int _next;

    public Range Current { get; private set; }

    public readonly Segments GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_next > _text.Length) return false;
        var length = _text[_next..].IndexOf(Separator);
        var end = length < 0 ? _text.Length : _next + length;
        Current = _next..end;
        _next = end + 1;
        return true;
    }
}
