namespace Macula.Actors.EndToEnd.Worker;

/// <summary>The lines that a worker prints. <c>Event</c> says which one it is.</summary>
public sealed record WorkerEvent(string Event);

/// <summary>What one subscription got, in the order in which it came: <c>publisher/number/topic</c>.</summary>
public sealed record ReceivedLine(string Client, string Pattern, IReadOnlyList<string> Messages, long Dropped)
{
    public string Event => "received";
}

/// <summary>How far the callers of a process are.</summary>
public sealed record ProgressLine(int Answered)
{
    public string Event => "progress";
}

/// <summary>What became of all calls of a process.</summary>
/// <param name="Sent">Calls sent.</param>
/// <param name="Results">Calls with a right result.</param>
/// <param name="Errors">Calls with a typed error, by code.</param>
/// <param name="Wrong">Replies that no call of ours asked for, or with another call's result.</param>
/// <param name="Twice">Calls with more than one reply.</param>
/// <param name="Never">Calls with none.</param>
public sealed record CallsLine(
    int Sent, int Results, IReadOnlyDictionary<string, int> Errors, int Wrong, int Twice, int Never)
{
    public string Event => "calls";
}

/// <summary>How a flood of connections ended.</summary>
/// <param name="Refused">Told max_clients_reached and when to come again.</param>
/// <param name="Otherwise">Anything else, such as no answer in time.</param>
public sealed record FloodLine(int Refused, int Otherwise)
{
    public string Event => "flooded";
}

/// <summary>Calls that the providers of a process have answered.</summary>
public sealed record ServedLine(int Calls)
{
    public string Event => "served";
}
