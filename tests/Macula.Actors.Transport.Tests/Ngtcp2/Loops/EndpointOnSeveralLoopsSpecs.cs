namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

[Collection(Ngtcp2Specs.Name)]
public sealed class EndpointOnSeveralLoopsSpecs : Ngtcp2EndpointSpecs
{
    protected override int Loops => 4;
}
