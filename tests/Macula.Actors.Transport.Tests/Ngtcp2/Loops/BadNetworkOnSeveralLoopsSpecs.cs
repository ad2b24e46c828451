namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

/// <summary>Packets come from ever other ports, and so to ever other loops.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class BadNetworkOnSeveralLoopsSpecs : Ngtcp2BadNetworkSpecs
{
    protected override int Loops => 4;
}
