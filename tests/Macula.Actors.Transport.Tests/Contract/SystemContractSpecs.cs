using Macula.Actors.Transport.SystemNetQuic;

namespace Macula.Actors.Transport.Tests.Contract;

/// <summary>The contract over System.Net.Quic, where libmsquic is installed.</summary>
[NeedsProvider(typeof(SystemQuicProvider))]
public sealed class SystemContractSpecs : QuicProviderContract
{
    protected override IQuicProvider Provider { get; } = new SystemQuicProvider();

    protected override bool SendsReasons => false;

    protected override bool ListenerHearsOfAlpnMismatch => false;
}
