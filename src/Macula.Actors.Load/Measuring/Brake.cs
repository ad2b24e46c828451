using System.Diagnostics;

namespace Macula.Actors.Load.Measuring;

/// <summary>Holds a paced load back while too much of it is on its way. After a pause of the machine all that was due
/// meanwhile would come at once, and overflow the queues of all receivers, which says nothing about the node. What is held
/// back is late all the same.</summary>
/// <param name="most">That may be on its way.</param>
/// <param name="underWay">What is.</param>
/// <param name="patience">For so long; from then on nothing is held back, for what does not arrive is lost.</param>
internal sealed class Brake(long most, Func<long> underWay, TimeSpan patience)
{
    private bool _isOff;

    /// <summary>Waits until there is room; for the thread of the load.</summary>
    public void Wait(CancellationToken cancellationToken)
    {
        if (_isOff) return;
        for (var begun = Stopwatch.GetTimestamp(); underWay() >= most;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _isOff = Stopwatch.GetElapsedTime(begun) > patience;
            if (_isOff) return;
            Thread.Sleep(1);
        }
    }
}
