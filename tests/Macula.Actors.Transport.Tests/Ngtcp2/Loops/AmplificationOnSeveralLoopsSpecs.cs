namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

[Collection(Ngtcp2Specs.Name)]
public sealed class AmplificationOnSeveralLoopsSpecs : Ngtcp2AmplificationSpecs
{
    protected override int Loops => 4;
}
