namespace Macula.Actors.Transport.Ngtcp2.Loop;

/// <summary>Something another thread asks the loop to do.</summary>
internal interface ILoopWork
{
    void Run();

    /// <summary>Whether who asks may do it in passing (<see cref="Endpoint.Post(ILoopWork)"/>).</summary>
    bool IsShort => false;
}

internal sealed class LoopAction(Action action) : ILoopWork
{
    public void Run() => action();
}
