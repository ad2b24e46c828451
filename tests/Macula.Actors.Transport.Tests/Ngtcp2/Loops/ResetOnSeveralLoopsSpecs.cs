namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

/// <summary>All loops of a listener make the same tokens, and know those of all clients.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class ResetOnSeveralLoopsSpecs : Ngtcp2ResetSpecs
{
    protected override int Loops => 4;
}
