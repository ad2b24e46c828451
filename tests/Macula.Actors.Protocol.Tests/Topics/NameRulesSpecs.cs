namespace Macula.Actors.Protocol.Tests;

public sealed class NameRulesSpecs
{
    [Fact]
    public void Names_are_judged_and_normalised_as_by_the_reference()
    {
        foreach (var row in GoldenVectors.Rows("names"))
        {
            var name = new Utf8Text(row.Bytes("name_hex"));
            Assert.Equal(row.Text("procedure"), Verdict(NameRules.CheckProcedure(name.Span)));
            Assert.Equal(row.Text("topic"), Verdict(NameRules.CheckTopic(name.Span)));
            Assert.Equal(row.Text("realm"), Verdict(NameRules.CheckRealm(name.Span)));
            Assert.Equal(row.Text("normalized_hex"), HexOf(NameRules.Normalize(name)));
            Assert.Equal(row.Text("realm_normalized_hex"), HexOf(NameRules.NormalizeRealm(name)));
            Assert.Equal(
                row.Text("namespace_hex"),
                Convert.ToHexStringLower(NameRules.Namespace(name.Span)));
        }
    }

    private static string Verdict(NameFault fault) => fault.Code() ?? "ok";

    private static string HexOf(Utf8Text text) => Convert.ToHexStringLower(text.Span);
}
