namespace Macula.Actors.Protocol.Tests;

public sealed class DisconnectReasonSpecs
{
    // What is on the wire never changes: a new reason goes to the end.
    private static readonly string[] Table =
    [
        "0 normal", "1 protocol_error", "2 wrong_realm", "3 malformed_connect",
        "4 connect_timeout", "5 max_clients_reached", "6 shutting_down", "7 slow_consumer",
        "8 session_superseded", "9 frame_too_large", "10 not_authorized", "11 internal_error",
        "12 memory_pressure", "13 draining",
    ];

    [Fact]
    public void Codes_and_texts_are_as_they_ever_were() =>
        Assert.Equal(
            Table, DisconnectReasons.All.Select(reason => $"{reason.Code()} {reason.Text()}"));

    [Fact]
    public void Every_reason_is_in_the_table_and_found_by_code_and_text()
    {
        Assert.Equal(Enum.GetValues<DisconnectReason>(), DisconnectReasons.All);
        foreach (var reason in DisconnectReasons.All)
        {
            Assert.Equal(reason, DisconnectReasons.ByCode(reason.Code()));
            Assert.Equal(reason, DisconnectReasons.ByText(reason.Text()));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(14)]
    [InlineData(long.MaxValue)]
    public void An_unknown_code_is_no_reason(long code) =>
        Assert.Null(DisconnectReasons.ByCode(code));

    [Fact]
    public void An_unknown_text_is_no_reason() => Assert.Null(DisconnectReasons.ByText("error"));
}
