namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

/// <summary>The limits are those of the listener as a whole.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class LimitOnSeveralLoopsSpecs : Ngtcp2LimitSpecs
{
    protected override int Loops => 4;
}
