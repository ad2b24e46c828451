using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Wire;

/// <summary>All that a run decides, from its seed: the same seed and name give the same values, in every process.</summary>
/// <param name="seed">The seed of the run.</param>
/// <param name="name">Of the scenario, so that one does not depend on those before it.</param>
internal sealed class Seeded(long seed, string name)
{
    public long Seed { get; } = seed;

    public string Name { get; } = name;

    /// <summary>For choices, in the order in which they are made by one task.</summary>
    public Random Random { get; } = new(BinaryPrimitives.ReadInt32LittleEndian(Hash(seed, name, "random", 0)));

    /// <summary>The id of the client with this number.</summary>
    public NodeId Id(int number, string kind = "client") => new(Hash(Seed, Name, kind, number));

    /// <summary>So many different numbers from 0 to <paramref name="of"/> - 1, in ascending order.</summary>
    public int[] Choose(int count, int of)
    {
        var all = Enumerable.Range(0, of).ToArray();
        Random.Shuffle(all);
        return [.. all.Take(count).Order()];
    }

    private static byte[] Hash(long seed, string name, string kind, int number) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}/{name}/{kind}/{number}"));
}
