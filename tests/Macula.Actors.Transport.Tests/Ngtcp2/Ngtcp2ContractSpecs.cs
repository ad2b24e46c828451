using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Tests.Contract;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

/// <summary>The contract over libngtcp2 and the loopback, in real time.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class Ngtcp2ContractSpecs : QuicProviderContract
{
    protected override IQuicProvider Provider { get; } = new Ngtcp2Provider();
}
