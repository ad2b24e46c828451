using Akka.Configuration;
using Macula.Actors.Configuration;

namespace Macula.Actors.Hosting.Tests.Configuration;

public sealed class MaculaConfigSpecs
{
    [Fact]
    public void An_environment_variable_names_a_setting()
    {
        var config = MaculaConfig.FromEnvironment(new Dictionary<string, string>
        {
            ["MACULA__CLIENTS__MAX_CLIENTS"] = "1",
            ["MACULA__REALM"] = "quoted \" and \\ back",
            ["MACULA_DATA_DIR"] = "/elsewhere",
            ["PATH"] = "/bin",
        });

        Assert.Equal(1, config.GetInt("macula.clients.max-clients"));
        Assert.Equal("quoted \" and \\ back", config.GetString("macula.realm"));
        Assert.Empty(MaculaConfig.Unknown(config));
    }

    [Theory]
    [InlineData("macula.clients.max-client", "; did you mean macula.clients.max-clients?")]
    [InlineData("macula.client.max-clients", "; did you mean macula.clients.max-clients?")]
    [InlineData("macula.max-clients", "; did you mean macula.clients.max-clients?")]
    [InlineData("macula.realmm", "; did you mean macula.realm?")]
    [InlineData("macula.kitchen.sink", "")]
    [InlineData("makula.realm", "", "makula")]
    public void An_unknown_setting_is_told_with_what_was_probably_meant(
        string key, string suggestion, string? named = null)
    {
        var config = ConfigurationFactory.ParseString($"{key} = 1\nakka.loglevel = DEBUG");

        Assert.Equal([$"{named ?? key} is unknown{suggestion}"], MaculaConfig.Unknown(config));
    }

    [Fact]
    public void A_value_in_the_place_of_a_section_is_told() =>
        Assert.Equal(
            ["macula.clients is a section; write macula.clients { ... } with settings in it"],
            MaculaConfig.Unknown(ConfigurationFactory.ParseString("macula.clients = 5")));

    [Fact]
    public void The_reference_knows_itself() => Assert.Empty(MaculaConfig.Unknown(MaculaConfig.Reference));

    [Theory]
    [InlineData("MACULA__Clients__max clients")]
    [InlineData("MACULA____X")]
    public void A_variable_that_cannot_be_a_setting_is_told(string variable) =>
        Assert.Throws<SettingsException>(
            () => MaculaConfig.FromEnvironment([KeyValuePair.Create(variable, "1")]));

    [Fact]
    public void A_file_that_is_not_there_is_told_by_name()
    {
        var fault = Assert.Throws<SettingsException>(() => MaculaConfig.FromFile("/nowhere/node.conf"));

        Assert.Contains("/nowhere/node.conf", fault.Message, StringComparison.Ordinal);
    }
}
