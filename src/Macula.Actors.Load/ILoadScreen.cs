using Macula.Actors.Load.Reporting;

namespace Macula.Actors.Load;

/// <summary>Who watches a run. Called from any thread, one call at a time.</summary>
public interface ILoadScreen
{
    /// <summary>A scenario begins.</summary>
    void Begin(string scenario, string summary);

    /// <summary>About once a second.</summary>
    void Progress(LoadProgress now);

    /// <summary>A scenario has ended.</summary>
    void End(ScenarioReport report);
}
