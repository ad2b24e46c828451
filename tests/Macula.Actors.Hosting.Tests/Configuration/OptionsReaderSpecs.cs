using Akka.Configuration;
using Macula.Actors.Configuration;

namespace Macula.Actors.Hosting.Tests.Configuration;

public sealed class OptionsReaderSpecs
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private enum Colour { Red, DeepBlue }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("500ms", 500)]
    [InlineData("1.5s", 1_500)]
    [InlineData("2 seconds", 2_000)]
    [InlineData("5m", 300_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1d", 86_400_000)]
    public void A_time_has_a_unit(string text, int milliseconds)
    {
        var read = Reader($"time = {text}");

        Assert.Equal(milliseconds, read.Duration("time", TimeSpan.Zero, Day).TotalMilliseconds);
        read.ThrowIfFaulty();
    }

    [Theory]
    [InlineData("30")]
    [InlineData("-1s")]
    [InlineData("2d")]
    [InlineData("soon")]
    [InlineData("1.2.3s")]
    [InlineData("\"\"")]
    [InlineData("infinite")]
    public void A_time_without_unit_or_out_of_range_is_a_fault(string text)
    {
        var read = Reader($"time = {text}");
        read.Duration("time", TimeSpan.Zero, Day);

        Assert.Equal(
            [$"macula.test.time is '{text.Trim('"')}'; allowed: a time with its unit (ms, s, m, h, d) from 0 to 1d"],
            read.Faults);
    }

    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("4KiB", 4096)]
    [InlineData("4kB", 4000)]
    [InlineData("\"4 KiB\"", 4096)]
    [InlineData("0.5MiB", 524288)]
    public void A_size_knows_decimal_from_binary(string text, int bytes)
    {
        var read = Reader($"size = {text}");

        Assert.Equal(bytes, read.Size("size", 1, 1 << 20));
        read.ThrowIfFaulty();
    }

    [Theory]
    [InlineData("2MiB")]
    [InlineData("0")]
    [InlineData("0.5B")]
    [InlineData("1e3")]
    [InlineData("99999999999GiB")]
    public void A_size_out_of_range_is_a_fault(string text)
    {
        var read = Reader($"size = {text}");
        read.Size("size", 1, 1 << 20);

        Assert.Equal(
            [$"macula.test.size is '{text}'; allowed: a size (B, kB, KiB, MB, MiB) from 1B to 1MiB"], read.Faults);
    }

    [Fact]
    public void A_long_size_may_be_more_than_two_gibibytes()
    {
        Assert.Equal(3L << 30, Reader("size = 3GiB").LongSize("size", 0, 64L << 40));

        var read = Reader("size = 70000GiB");
        read.LongSize("size", 0, 64L << 40);
        Assert.Equal(
            ["macula.test.size is '70000GiB'; allowed: a size (B, kB, KiB, MB, MiB, GB, GiB) from 0B to 65536GiB"],
            read.Faults);
    }

    [Fact]
    public void An_enum_is_written_in_kebab_case()
    {
        Assert.Equal(Colour.DeepBlue, Reader("colour = deep-blue").Enum<Colour>("colour"));

        var wrong = Reader("colour = DeepBlue");
        wrong.Enum<Colour>("colour");
        Assert.Equal(["macula.test.colour is 'DeepBlue'; allowed: one of red, deep-blue"], wrong.Faults);
    }

    [Theory]
    [InlineData("on", true)]
    [InlineData("true", true)]
    [InlineData("off", false)]
    [InlineData("no", false)]
    public void A_switch_is_on_or_off(string text, bool value)
    {
        var read = Reader($"flag = {text}");

        Assert.Equal(value, read.Bool("flag"));
        read.ThrowIfFaulty();
    }

    [Theory]
    [InlineData("""list = ["a:1", "b:2"]""")]
    [InlineData("""list = "a:1, b:2" """)]
    public void A_list_may_be_one_text_with_commas(string hocon) =>
        Assert.Equal(["a:1", "b:2"], Reader(hocon).Texts("list"));

    [Fact]
    public void What_the_configuration_lacks_comes_from_the_reference() =>
        Assert.Equal(10_000, new OptionsReader(Config.Empty, "macula.clients").Int("max-clients", 1));

    [Fact]
    public void All_faults_are_told_at_once_and_each_once()
    {
        var read = Reader("a = x\nb = 7\nc { d = 1 }");
        read.Int("a", 1, 5);
        read.Int("a", 1, 5);
        read.Int("b", 1, 5);
        read.Text("c");
        read.Text("missing");

        var thrown = Assert.Throws<SettingsException>(read.ThrowIfFaulty);
        Assert.Collection(
            thrown.Faults,
            fault => Assert.Equal("macula.test.a is 'x'; allowed: a whole number from 1 to 5", fault),
            fault => Assert.Equal("macula.test.b is '7'; allowed: a whole number from 1 to 5", fault),
            fault => Assert.StartsWith("macula.test.c is '", fault, StringComparison.Ordinal),
            fault => Assert.Equal("macula.test.missing is missing", fault));
    }

    private static OptionsReader Reader(string hocon) =>
        new(ConfigurationFactory.ParseString($"macula.test {{\n{hocon}\n}}"), "macula.test");
}
