namespace Macula.Actors.Cli.Tests;

public sealed class ScreenSpecs : IDisposable
{
    private readonly StringWriter _error = new();

    public void Dispose() => _error.Dispose();

    [Theory]
    [InlineData(10, "012345678")] // the last column stays free: a terminal may go to the next line after it
    [InlineData(11, "0123456789")]
    [InlineData(80, "0123456789")]
    [InlineData(0, "0123456789")] // it is not known
    public void What_moves_ends_where_the_terminal_does(int width, string expected)
    {
        Screen(width).Moving("0123456789");

        Assert.Equal($"\r{expected}\x1b[K", _error.ToString());
    }

    [Fact]
    public void What_moved_is_taken_away()
    {
        Screen(10).Moving(null);

        Assert.Equal("\r\x1b[K", _error.ToString());
    }

    private Screen Screen(int width) => new(
        new CliHost
        {
            Input = Stream.Null,
            Output = TextWriter.Null,
            Error = _error,
            ErrorIsTerminal = true,
            ErrorWidth = () => width,
            Environment = new Dictionary<string, string>(),
        },
        isJson: false, isQuiet: false);
}
