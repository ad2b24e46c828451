namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

[Collection(Ngtcp2Specs.Name)]
public sealed class OddPacketOnSeveralLoopsSpecs : Ngtcp2OddPacketSpecs
{
    protected override int Loops => 4;
}
