using Macula.Actors.Load.Reporting;

namespace Macula.Actors.Load.Tests.EndToEnd;

/// <summary>Shows nothing.</summary>
internal sealed class SilentScreen : ILoadScreen
{
    public void Begin(string scenario, string summary)
    {
    }

    public void Progress(LoadProgress now)
    {
    }

    public void End(ScenarioReport report)
    {
    }
}
