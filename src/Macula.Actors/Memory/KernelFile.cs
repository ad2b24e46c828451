using System.Text;

namespace Macula.Actors.Memory;

/// <summary>Files that the kernel answers from memory.</summary>
internal static class KernelFile
{
    private const int MaxNumbers = 256;

    /// <summary>The lines of a file; none when it is not there or not for us.</summary>
    public static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>A file of a few numbers, which is read often: without a stream and its buffers.</summary>
    /// <returns>Empty when it is not there or not for us.</returns>
    public static string Numbers(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            Span<byte> bytes = stackalloc byte[MaxNumbers];
            return Encoding.ASCII.GetString(bytes[..RandomAccess.Read(file, bytes, 0)]).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
