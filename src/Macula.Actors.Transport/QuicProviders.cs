namespace Macula.Actors.Transport;

/// <summary>Chooses among the providers that a program brings along.</summary>
public static class QuicProviders
{
    /// <summary>The setting that leaves the choice to <see cref="Choose"/>.</summary>
    public const string Auto = "auto";

    /// <summary>The provider of that name, or with <see cref="Auto"/> the first that this machine can run.</summary>
    /// <param name="candidates">In order of preference.</param>
    /// <param name="wanted"><see cref="Auto"/> or a <see cref="IQuicProvider.Name"/>; case does not matter.</param>
    /// <exception cref="QuicTransportException"><see cref="QuicTransportError.NotSupported"/>: none can run here, or
    /// the wanted one cannot; the message says for each what is missing.
    /// <see cref="QuicTransportError.InvalidConfiguration"/>: no provider has that name.</exception>
    public static QuicChoice Choose(IReadOnlyList<IQuicProvider> candidates, string wanted = Auto)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(wanted);
        return wanted.Equals(Auto, StringComparison.OrdinalIgnoreCase)
            ? ChooseFirst(candidates)
            : ChooseNamed(candidates, wanted);
    }

    private static QuicChoice ChooseFirst(IReadOnlyList<IQuicProvider> candidates)
    {
        List<string> passedOver = [];
        foreach (var provider in candidates)
        {
            var support = provider.Support;
            if (!support.IsSupported)
            {
                passedOver.Add(Describe(provider));
                continue;
            }

            var instead = passedOver is [] ? "" : $" (instead of {string.Join("; ", passedOver)})";
            return new QuicChoice(provider, $"QUIC by {Describe(provider)}{instead}");
        }

        throw new QuicTransportException(
            QuicTransportError.NotSupported, $"no QUIC provider can run here: {DescribeAll(candidates)}");
    }

    private static QuicChoice ChooseNamed(IReadOnlyList<IQuicProvider> candidates, string wanted)
    {
        var provider = candidates.FirstOrDefault(
            candidate => candidate.Name.Equals(wanted, StringComparison.OrdinalIgnoreCase));
        if (provider is null)
        {
            var names = string.Join(", ", candidates.Select(candidate => $"'{candidate.Name}'"));
            throw new QuicTransportException(
                QuicTransportError.InvalidConfiguration, $"'{wanted}' is no QUIC provider; allowed: '{Auto}', {names}");
        }

        return provider.Support.IsSupported
            ? new QuicChoice(provider, $"QUIC by {Describe(provider)}, as set")
            : throw new QuicTransportException(QuicTransportError.NotSupported,
                $"the QUIC provider '{provider.Name}' is set but cannot run here: {DescribeAll(candidates)}");
    }

    private static string DescribeAll(IReadOnlyList<IQuicProvider> candidates) =>
        candidates is [] ? "there is none" : string.Join("; ", candidates.Select(Describe));

    private static string Describe(IQuicProvider provider) => $"{provider.Name}: {provider.Support.Description}";
}

/// <summary>The provider to use.</summary>
/// <param name="Why">One line for the log: what it is, and what was passed over.</param>
public readonly record struct QuicChoice(IQuicProvider Provider, string Why);
