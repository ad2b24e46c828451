using System.Text;

namespace Macula.Actors.Protocol.Tests;

public sealed class TopicPatternSpecs
{
    [Fact]
    [Trait("Defect", "D61")]
    public void Patterns_match_as_in_the_reference_gateway()
    {
        foreach (var row in GoldenVectors.Rows("topics"))
        {
            Utf8Text pattern = row.Text("pattern");
            Utf8Text topic = row.Text("topic");
            Assert.True(
                row.GetProperty("gateway").GetBoolean() == TopicPattern.Matches(pattern, topic),
                $"pattern '{pattern}', topic '{topic}'");
        }
    }

    [Theory]
    [Trait("Defect", "D61")]
    [InlineData("a.b", false)]
    [InlineData("a.*", true)]
    [InlineData("**", true)]
    [InlineData("*.a", true)]
    [InlineData("a*.#.***", false)]
    [InlineData("", false)]
    public void A_wildcard_is_a_whole_segment(string pattern, bool wildcard) =>
        Assert.Equal(wildcard, TopicPattern.IsWildcard(Encoding.UTF8.GetBytes(pattern)));

    [Fact]
    public void Many_double_stars_cost_no_more_than_the_product_of_the_lengths()
    {
        // 2^200 steps for a matcher that tries every way; a deadline would not be needed to see it.
        Utf8Text pattern = string.Join('.', Enumerable.Repeat("**.a", 200)) + ".b";
        Utf8Text topic = string.Join('.', Enumerable.Repeat("a", 2000));

        Assert.False(TopicPattern.Matches(pattern, topic));
    }
}
