using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Streams;

namespace Macula.Actors.Transport.Tests.Ngtcp2;

public sealed class PoisonSpecs
{
    /// <summary>All specs of this project run with it: bytes that are sent after they were freed differ.</summary>
    [ModuleInitializer]
    internal static void TurnOn() => AppContext.SetSwitch(Poison.Name, true);

    [Fact]
    public void It_is_on_here() => Assert.True(Poison.IsOn);

    [Fact]
    public void A_block_that_was_given_back_is_filled()
    {
        var blocks = new PinnedBlocks(isPoisoned: true);
        var block = blocks.Rent();
        var memory = block.Memory;
        memory.Span.Fill(1);

        block.Dispose();

        Assert.Equal(-1, memory.Span.IndexOfAnyExcept(Poison.Value));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(777)]
    [InlineData(PinnedBlocks.BlockSize - 1)]
    public void A_write_after_that_is_found_when_the_block_goes_out_again(int at)
    {
        var blocks = new PinnedBlocks(isPoisoned: true);
        var block = blocks.Rent();
        var memory = block.Memory;
        block.Dispose();

        memory.Span[at] = 1;

        var thrown = Assert.Throws<InvalidOperationException>(() => blocks.Rent());
        Assert.Contains($"byte {at} of {PinnedBlocks.BlockSize} is 0x01", thrown.Message, StringComparison.Ordinal);
        blocks.Rent().Dispose(); // the damaged one is out of use
    }

    [Fact]
    public void A_block_that_nobody_touched_goes_out_again()
    {
        var blocks = new PinnedBlocks(isPoisoned: true);
        var first = blocks.Rent();
        first.Dispose();

        Assert.Same(first, blocks.Rent());
    }

    [Fact]
    public void Without_it_blocks_are_left_as_they_are()
    {
        var blocks = new PinnedBlocks(isPoisoned: false);
        var block = blocks.Rent();
        var memory = block.Memory;
        memory.Span.Fill(1);

        block.Dispose();

        Assert.Equal(-1, memory.Span.IndexOfAnyExcept((byte)1));
        Assert.Same(block, blocks.Rent());
    }

    [Fact]
    public void Every_function_that_the_libraries_call_catches_what_it_throws()
    {
        const BindingFlags All = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        var callbacks = typeof(Ngtcp2Provider).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(All))
            .Where(method => method.GetCustomAttribute<UnmanagedCallersOnlyAttribute>() is not null)
            .ToArray();

        Assert.True(callbacks.Length > 15, $"only {callbacks.Length} were found");
        var unguarded = callbacks
            .Where(method => method.Name != "GetConnection") // reads one word of a block that is there
            .Where(method => method.GetMethodBody()!.ExceptionHandlingClauses.All(
                clause => clause.Flags != ExceptionHandlingClauseOptions.Clause
                    || clause.CatchType != typeof(Exception)))
            .Select(method => method.Name);
        Assert.Empty(unguarded);
    }
}
