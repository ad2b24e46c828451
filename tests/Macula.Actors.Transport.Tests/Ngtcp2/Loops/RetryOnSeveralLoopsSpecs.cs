namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

/// <summary>A token is good whichever loop gave it out.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class RetryOnSeveralLoopsSpecs : Ngtcp2RetrySpecs
{
    protected override int Loops => 4;
}
