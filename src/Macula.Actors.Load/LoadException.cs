namespace Macula.Actors.Load;

/// <summary>A run cannot go on; the message says why and what to do.</summary>
public sealed class LoadException(string message) : Exception(message);
