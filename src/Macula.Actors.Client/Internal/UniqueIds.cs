using System.Buffers.Binary;
using System.Security.Cryptography;
using Macula.Actors.Protocol;

namespace Macula.Actors.Client.Internal;

/// <summary>Call and message ids of 16 bytes: 8 random ones of this client, then a counter from 1.
/// A client that restarts under its node id so never repeats an id.</summary>
internal sealed class UniqueIds
{
    private readonly ulong _prefix =
        BinaryPrimitives.ReadUInt64BigEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    private ulong _counter;

    public CallId NextCall() => CallId.FromCounter(Next());

    public MessageId NextMessage() => MessageId.FromCounter(Next());

    private UInt128 Next() => new(_prefix, Interlocked.Increment(ref _counter));
}
