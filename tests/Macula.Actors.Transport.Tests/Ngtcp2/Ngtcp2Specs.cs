namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>All specs of the provider run one after another: some count what is alive in the process.</summary>
[CollectionDefinition(Name)]
public sealed class Ngtcp2Specs
{
    public const string Name = "ngtcp2";
}
