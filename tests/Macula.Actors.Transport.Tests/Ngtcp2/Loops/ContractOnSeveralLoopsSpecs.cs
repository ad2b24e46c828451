using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Tests.Contract;

namespace Macula.Actors.Transport.Tests.Ngtcp2.Loops;

/// <summary>The contract, where two loops share each listener's port.</summary>
[Collection(Ngtcp2Specs.Name)]
public sealed class ContractOnSeveralLoopsSpecs : QuicProviderContract
{
    protected override IQuicProvider Provider { get; } = new Ngtcp2Provider(options: new Ngtcp2Options { Loops = 2 });
}
