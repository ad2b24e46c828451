using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace Macula.Actors.Tests.Models;

/// <summary>One step of a random history: what a model does with it is the model's.</summary>
/// <param name="Kind">From 0, below the number of the model's operations.</param>
public readonly record struct Step(int Kind, int A, int B, int C);

/// <summary>A small readable model of an actor, beside the actor itself: takes steps in both and compares them.</summary>
internal interface IModel : IDisposable
{
    /// <summary>Takes the step, then throws unless actor and model agree and every invariant holds.</summary>
    void Take(Step step);

    /// <summary>Ends what is left; throws unless nothing is left behind.</summary>
    void End();
}

/// <summary>Runs random histories through a model. A failure prints the shortest history that it found, and of its last step
/// what replays it, the size and the seed: MACULA_MODELS_REPLAY=seed,gamma,size dotnet test --filter ...
/// MACULA_MODELS_TIMES=20 takes 20 times as many histories, for a long run.</summary>
internal static class ModelCheck
{
    private const string Replay = "MACULA_MODELS_REPLAY";
    private const string Times = "MACULA_MODELS_TIMES";

    /// <summary>One history is taken again, and no more.</summary>
    public static bool IsReplay => Environment.GetEnvironmentVariable(Replay) is { Length: > 0 };

    /// <param name="kinds">Weights of the operations; how often each is taken.</param>
    /// <returns>Steps taken.</returns>
    public static long Run(Func<IModel> begin, int[] kinds, int histories, int length)
    {
        var taken = 0L;
        var kind = Gen.Frequency(kinds.Select((weight, at) => (weight, Gen.Constant(at))));
        var number = Gen.Choose(0, 9_999);
        var step =
            from k in kind
            from a in number
            from b in number
            from c in number
            select new Step(k, a, b, c);
        var history = Arb.From(step.ArrayOf(length), Shorter);
        var times = Environment.GetEnvironmentVariable(Times) is { Length: > 0 } more
            ? int.Parse(more, CultureInfo.InvariantCulture)
            : 1;
        Check.One(Settings(histories * times), Prop.ForAll(history, steps =>
        {
            using var model = begin();
            foreach (var each in steps)
            {
                model.Take(each);
                taken++;
            }

            model.End();
        }));
        return taken;
    }

    /// <summary>As Assert.Equal, which is slow for lists.</summary>
    public static void Same<T>(IEnumerable<T> expected, IEnumerable<T> actual)
    {
        if (!expected.SequenceEqual(actual)) Assert.Equal(expected, actual);
    }

    private static Config Settings(int histories)
    {
        var settings = Config.QuickThrowOnFailure.WithMaxTest(histories).WithQuietOnSuccess(true);
        if (!IsReplay) return settings;
        var replay = Environment.GetEnvironmentVariable(Replay)!;
        var parts = replay.Trim('(', ')').Split(',');
        if (parts.Length != 3) throw new FormatException($"{Replay} is '{replay}'; it has to be seed,gamma,size");
        return settings.WithMaxTest(1).WithReplay(
            ulong.Parse(parts[0], CultureInfo.InvariantCulture), ulong.Parse(parts[1], CultureInfo.InvariantCulture),
            int.Parse(parts[2], CultureInfo.InvariantCulture));
    }

    // Large pieces out first, then single steps.
    private static IEnumerable<Step[]> Shorter(Step[] steps)
    {
        for (var size = steps.Length / 2; size > 0; size /= 2)
            for (var at = 0; at + size <= steps.Length; at += size)
                yield return [.. steps[..at], .. steps[(at + size)..]];
    }
}
