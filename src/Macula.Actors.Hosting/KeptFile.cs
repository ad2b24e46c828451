using System.Runtime.InteropServices;

namespace Macula.Actors.Hosting;

/// <summary>A small file of the data directory that is made once and then kept.</summary>
internal static class KeptFile
{
    /// <summary>What the file holds, without white space around it. Where there is none yet, what is made is kept; of
    /// several processes that start at once all get what the first one kept.</summary>
    /// <param name="mode">Of a new file; null: as the system has it.</param>
    /// <exception cref="IOException">It can be neither read nor written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static string ReadOrCreate(string file, Func<string> make, UnixFileMode? mode = null)
    {
        if (!File.Exists(file)) Create(file, make(), mode);
        return File.ReadAllText(file).Trim();
    }

    // Written aside and moved: a start that is killed midway leaves no half of it behind.
    private static void Create(string file, string text, UnixFileMode? mode)
    {
        var draft = $"{file}.{Path.GetRandomFileName()}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (mode is not null && !OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        using (var writer = new StreamWriter(draft, options)) writer.WriteLine(text);
        try
        {
            // .NET looks whether the file is there and then renames, which is not one step; a link is.
            if (OperatingSystem.IsWindows() || (Link(draft, file) != 0 && !File.Exists(file)))
                File.Move(draft, file, overwrite: false);
        }
        catch (IOException) when (File.Exists(file))
        {
            // Another was first.
        }
        finally
        {
            File.Delete(draft);
        }
    }

    [DllImport("libc", EntryPoint = "link")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string from, [MarshalAs(UnmanagedType.LPUTF8Str)] string to);
}
