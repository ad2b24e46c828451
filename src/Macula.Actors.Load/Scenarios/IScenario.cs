namespace Macula.Actors.Load.Scenarios;

/// <summary>A load that proves something.</summary>
internal interface IScenario
{
    /// <summary>One word, for the command line.</summary>
    string Name { get; }

    /// <summary>What it proves, in a sentence.</summary>
    string Summary { get; }

    /// <summary>Why a node that is given will not do; null when it will.</summary>
    string? NeedsOwnNode => null;

    /// <summary>Settings that a node for it is started with, each <c>key=value</c>.</summary>
    IEnumerable<string> NodeSettings(LoadOptions options) => [];

    /// <summary>How many clients it has at once, at most, beside the one that asks for figures; 0: a few, or as many as the
    /// node has places.</summary>
    int Clients(LoadOptions options) => 0;

    /// <summary>Runs it; what came out is told to <paramref name="run"/>.</summary>
    Task RunAsync(ScenarioRun run, CancellationToken cancellationToken);
}
