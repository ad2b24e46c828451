using System.Net;
using Macula.Actors.Transport.Memory;
using Microsoft.Extensions.Time.Testing;

namespace Macula.Actors.Transport.Tests.Contract;

/// <summary>The contract in memory, in virtual time.</summary>
public sealed class MemoryContractSpecs : QuicProviderContract
{
    private readonly FakeTimeProvider _time = new();

    public MemoryContractSpecs() => Provider = new MemoryQuicProvider(new MemoryQuicNetwork(_time));

    protected override IQuicProvider Provider { get; }

    protected override EndPoint SilentEndPoint() => new DnsEndPoint("nowhere.example", 9443);

    protected override void Advance(TimeSpan time) => _time.Advance(time);
}
