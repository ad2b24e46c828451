using Macula.Actors.Configuration;
using Macula.Actors.Gateway;

namespace Macula.Actors.Tests;

/// <summary>The defaults of reference.conf, for specs that change a few.</summary>
internal static class TestOptions
{
    public static GatewaySettings Defaults { get; } = GatewaySettings.Read(MaculaConfig.Reference);

    public const string Realm = "com.example.realm";
}
