using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Streams;

/// <summary>Send memory that never moves: the library keeps pointers to bytes until they are acknowledged.</summary>
/// <param name="isPoisoned">Blocks that come back are filled, and looked at before they go out again.</param>
internal sealed class PinnedBlocks(bool isPoisoned) : MemoryPool<byte>
{
    public const int BlockSize = 16 * 1024;

    /// <summary>16 MiB wait for reuse at most; the rest goes to the collector.</summary>
    private const int MostPooled = 1024;

    private readonly ConcurrentQueue<Block> _free = new();
    private int _freeCount;

    public static PinnedBlocks Instance { get; } = new(Poison.IsOn);

    /// <summary>No request is too large: a pipe would take larger ones from elsewhere, unpinned.</summary>
    public override int MaxBufferSize => Array.MaxLength;

    /// <exception cref="InvalidOperationException">Poisoned, and something wrote to the block while it was free.
    /// </exception>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        if (minBufferSize <= BlockSize && _free.TryDequeue(out var block))
        {
            Interlocked.Decrement(ref _freeCount);
            if (isPoisoned) Check(block.Memory.Span);
            Counters.SendBlock(1);
            block.Rented = true;
            return block;
        }

        Counters.SendBlock(1);
        return new Block(this, Math.Max(minBufferSize, BlockSize)) { Rented = true };
    }

    protected override void Dispose(bool disposing)
    {
    }

    private void Return(Block block)
    {
        if (!block.Rented) return;
        block.Rented = false;
        if (isPoisoned) Poison.Fill(block.Memory.Span); // sent after this, it differs at the other end
        Counters.SendBlock(-1);
        if (block.Memory.Length != BlockSize) return;
        if (Interlocked.Increment(ref _freeCount) <= MostPooled) _free.Enqueue(block);
        else Interlocked.Decrement(ref _freeCount);
    }

    private static void Check(ReadOnlySpan<byte> block)
    {
        var at = Poison.Damage(block);
        if (at < 0) return;
        throw new InvalidOperationException(
            $"a send block was written to after it was given back: byte {at} of {block.Length} is 0x{block[at]:x2}");
    }

    private sealed class Block(PinnedBlocks pool, int size) : IMemoryOwner<byte>
    {
        public bool Rented { get; set; }

        public Memory<byte> Memory { get; } = MemoryMarshal.CreateFromPinnedArray(
            GC.AllocateUninitializedArray<byte>(size, pinned: true), 0, size);

        public void Dispose() => pool.Return(this);
    }
}
