namespace Macula.Actors.Load.Neighbours;

/// <summary>A measure that is open on one server: its clients are connected. Disposing lets them go.</summary>
internal interface IBench : IAsyncDisposable
{
    /// <summary>Measures once.</summary>
    /// <param name="time">How long; a measure of a number of things ignores it.</param>
    /// <param name="tell">Gets what came out.</param>
    Task RunAsync(TimeSpan time, Tell tell, CancellationToken cancellationToken);
}

/// <summary>Notes a value of a measure.</summary>
/// <param name="unit">As in <see cref="Reporting.Figure"/>.</param>
internal delegate void Tell(string measure, double value, string unit);
