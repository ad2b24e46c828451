using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Macula.Actors.Transport.Ngtcp2.Streams;

/// <summary>Send memory that never moves: the library keeps pointers to bytes until they are acknowledged.</summary>
internal sealed class PinnedBlocks : MemoryPool<byte>
{
    public const int BlockSize = 16 * 1024;

    /// <summary>16 MiB wait for reuse at most; the rest goes to the collector.</summary>
    private const int MostPooled = 1024;

    private readonly ConcurrentQueue<Block> _free = new();
    private int _freeCount;

    public static PinnedBlocks Instance { get; } = new();

    /// <summary>No request is too large: a pipe would take larger ones from elsewhere, unpinned.</summary>
    public override int MaxBufferSize => Array.MaxLength;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        Counters.SendBlock(1);
        if (minBufferSize <= BlockSize && _free.TryDequeue(out var block))
        {
            Interlocked.Decrement(ref _freeCount);
            block.Rented = true;
            return block;
        }

        return new Block(this, Math.Max(minBufferSize, BlockSize)) { Rented = true };
    }

    protected override void Dispose(bool disposing)
    {
    }

    private void Return(Block block)
    {
        if (!block.Rented) return;
        block.Rented = false;
        FillFreed(block.Memory.Span);
        Counters.SendBlock(-1);
        if (block.Memory.Length != BlockSize) return;
        if (Interlocked.Increment(ref _freeCount) <= MostPooled) _free.Enqueue(block);
        else Interlocked.Decrement(ref _freeCount);
    }

    // A byte sent after it was given back would show up as a difference at the other end.
    [Conditional("DEBUG")]
    private static void FillFreed(Span<byte> block) => block.Fill(0xdd);

    private sealed class Block(PinnedBlocks pool, int size) : IMemoryOwner<byte>
    {
        public bool Rented { get; set; }

        public Memory<byte> Memory { get; } = MemoryMarshal.CreateFromPinnedArray(
            GC.AllocateUninitializedArray<byte>(size, pinned: true), 0, size);

        public void Dispose() => pool.Return(this);
    }
}
