namespace Macula.Actors.Hosting;

/// <summary>The node cannot start, although its settings are in order: a port is taken, a library or a file is
/// missing. The message is a clause for the operator: what, and what to do.</summary>
public sealed class MaculaStartException(string message, Exception? inner = null) : Exception(message, inner);
