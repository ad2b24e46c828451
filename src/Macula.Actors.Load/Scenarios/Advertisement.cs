using System.Diagnostics;
using Macula.Actors.Load.Wire;
using Macula.Actors.Protocol;

namespace Macula.Actors.Load.Scenarios;

/// <summary>A procedure that a client provides for as long as it lives: its lease is renewed by the client's own writer, when a
/// third of it is over.</summary>
internal sealed class Advertisement(LoadClient client, Utf8Text procedure)
{
    private static readonly TimeSpan RenewAfter = TimeSpan.FromSeconds(Services.Seconds / 3.0);

    private long _told = Stopwatch.GetTimestamp();

    /// <summary>Written, not yet sent, when it is due.</summary>
    public void RenewIfDue()
    {
        if (Stopwatch.GetElapsedTime(_told) < RenewAfter) return;
        _told = Stopwatch.GetTimestamp();
        client.Write(Services.Store(procedure, client.Id));
    }
}
