namespace Macula.Actors.Cli;

/// <summary>The command line asks for something that cannot be; the message names value and fix.
/// </summary>
internal sealed class UsageException(string message) : Exception(message);
