using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2;
using Microsoft.Extensions.Logging;

namespace Macula.Actors.Hosting;

/// <summary>The secret of the node's QUIC listeners, random and kept in the data directory: a node that was killed and
/// started again tells old clients at once that it knows them no more, whatever became of its certificate.</summary>
internal static partial class NodeSecret
{
    private const string FileName = "quic-secret";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Made on first start, for the owner alone. Empty where nothing can be kept: QUIC then takes the private key
    /// of its certificate.</summary>
    /// <exception cref="MaculaStartException">The file holds something else.</exception>
    public static byte[] LoadOrCreate(string directory, ILogger log)
    {
        var file = Path.Combine(directory, FileName);
        try
        {
            NodeFolder.Ensure(directory);
            var kept = Convert.FromHexString(KeptFile.ReadOrCreate(file, New, OwnerOnly));
            return kept.Length >= Ngtcp2Options.ShortestSecret
                ? kept
                : throw new MaculaStartException(
                    $"{file} holds {kept.Length} bytes; at least {Ngtcp2Options.ShortestSecret} are needed; delete it, " +
                    "and a new one is made");
        }
        catch (FormatException fault)
        {
            throw new MaculaStartException($"{file} holds no secret in hex; delete it, and a new one is made", fault);
        }
        catch (Exception fault) when (
            fault is IOException or UnauthorizedAccessException
            or MaculaStartException { InnerException: IOException or UnauthorizedAccessException })
        {
            NotKept(log, file, fault.Message);
            return [];
        }
    }

    [LoggerMessage(
        1, LogLevel.Warning,
        "The secret of QUIC cannot be kept in {File}, the certificate's key serves instead; after it changed, clients notice a restart by their idle time-out only: {Reason}")]
    private static partial void NotKept(ILogger log, string file, string reason);

    private static string New() =>
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Ngtcp2Options.ShortestSecret));
}
