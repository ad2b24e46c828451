namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Something another thread asks the loop to do.</summary>
internal interface ILoopWork
{
    void Run();

    /// <summary>Whether a writer may do it in passing (<see cref="Endpoint.PostOrRun"/>).</summary>
    bool IsShort => false;
}

internal sealed class LoopAction(Action action) : ILoopWork
{
    public void Run() => action();
}
