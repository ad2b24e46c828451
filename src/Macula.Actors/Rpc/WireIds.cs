using System.Buffers.Binary;
using Macula.Actors.Protocol;

namespace Macula.Actors.Rpc;

/// <summary>The ids of calls as others see them: a secret of this run and a number.</summary>
internal sealed class WireIds
{
    private readonly UInt128 _run = new((ulong)Random.Shared.NextInt64(), 0);

    public CallId Of(ulong number) => CallId.FromCounter(_run + number);

    /// <summary>The number in an id, or null when it has none.</summary>
    public ulong? NumberIn(CallId id)
    {
        if (id.Length != CallId.DefaultLength) return null;
        Span<byte> bytes = stackalloc byte[CallId.DefaultLength];
        id.CopyTo(bytes);
        var number = BinaryPrimitives.ReadUInt128BigEndian(bytes) - _run;
        return number <= ulong.MaxValue ? (ulong)number : null;
    }
}
