namespace Macula.Actors.Hosting;

/// <summary>The data directory: where it is, and how it comes to be.</summary>
internal static class NodeFolder
{
    /// <summary>As configured, else $MACULA_DATA_DIR, else $XDG_DATA_HOME/macula, else ~/.local/share/macula.</summary>
    public static string Find(string configured, IReadOnlyDictionary<string, string> environment)
    {
        if (configured.Length > 0) return Path.GetFullPath(configured);
        if (Variable("MACULA_DATA_DIR") is { } own) return Path.GetFullPath(own);
        if (Variable("XDG_DATA_HOME") is { } data) return Path.GetFullPath(Path.Combine(data, "macula"));

        // A service without a home has still its working directory.
        return Path.GetFullPath(Path.Combine(Variable("HOME") ?? ".", ".local", "share", "macula"));

        string? Variable(string name) =>
            environment.TryGetValue(name, out var value) && value.Length > 0 ? value : null;
    }

    /// <summary>Creates the directory, readable by its owner alone, when it is not there.</summary>
    /// <exception cref="MaculaStartException">It cannot be created.</exception>
    public static void Ensure(string directory)
    {
        try
        {
            if (Directory.Exists(directory)) return;
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(directory);
            else
                Directory.CreateDirectory(
                    directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new MaculaStartException(
                $"the data directory {directory} cannot be made: {fault.Message}; " +
                "choose another with macula.data-directory or MACULA_DATA_DIR", fault);
        }
    }
}
