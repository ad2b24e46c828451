using System.Text;

namespace Macula.Actors.Cli;

/// <summary>Reads a payload from the command line or from standard input.</summary>
internal static class Payloads
{
    private const string FromInput = "-";
    private const int MaxInput = 16 * 1024 * 1024;

    public static async Task<byte[]> ReadAsync(string text, CliHost host, CancellationToken cancellationToken)
    {
        if (text != FromInput) return Encoding.UTF8.GetBytes(text);

        using var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await host.Input.ReadAsync(buffer, cancellationToken).AsTask().WaitAsync(cancellationToken) is > 0 and var read)
        {
            all.Write(buffer, 0, read);
            if (all.Length > MaxInput)
                throw new UsageException($"standard input has more than {MaxInput} bytes; frames are limited to less");
        }

        return all.ToArray();
    }
}
