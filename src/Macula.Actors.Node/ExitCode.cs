namespace Macula.Actors.Node;

/// <summary>What the process says when it ends; stable, for supervisors and scripts.</summary>
internal static class ExitCode
{
    /// <summary>Stopped in order, as asked.</summary>
    public const int Clean = 0;

    /// <summary>A fault of this program; the log has it.</summary>
    public const int Unexpected = 1;

    /// <summary>Settings or arguments are wrong; starting again does not help.</summary>
    public const int BadConfiguration = 2;

    /// <summary>A port is taken, or a library or file is missing.</summary>
    public const int CannotStart = 3;
}
