using Macula.Actors.Transport;
using Macula.Actors.Transport.Ngtcp2;

namespace Macula.Actors.Hosting;

/// <summary>The QUIC that a node uses, and why.</summary>
internal sealed record QuicSelection(IQuicProvider Provider, string Reason)
{
    /// <exception cref="MaculaStartException">The asked one cannot run here, or none can; the message says what to
    /// install.</exception>
    public static QuicSelection Make(MaculaSettings settings)
    {
        if (settings.Options.Provider is { } given) return new(given, $"given by code; {given.Support.Description}");

        IQuicProvider[] candidates = [new Ngtcp2Provider()];
        var choice = settings.Quic.Provider;
        if (choice != QuicProviderChoice.Auto)
            candidates = [.. candidates.Where(p => p.Name.Equals($"{choice}", StringComparison.OrdinalIgnoreCase))];
        var found = Array.Find(candidates, candidate => candidate.Support.IsSupported);
        return found is not null
            ? new(found, found.Support.Description)
            : throw new MaculaStartException(
                $"There is no QUIC: {string.Join("; ", candidates.Select(p => $"{p.Name}: {p.Support.Description}"))}");
    }
}
