namespace Macula.Actors.Transport.Tests;

public sealed class QuicProvidersSpecs
{
    private static readonly Fake Missing = new("system", false, "install libmsquic");
    private static readonly Fake Present = new("ngtcp2", true, "libngtcp2 1.11");

    [Fact]
    public void The_first_that_can_run_is_taken_and_it_says_what_was_passed_over()
    {
        var choice = QuicProviders.Choose([Missing, Present]);

        Assert.Same(Present, choice.Provider);
        Assert.Equal("QUIC by ngtcp2: libngtcp2 1.11 (instead of system: install libmsquic)", choice.Why);
    }

    [Fact]
    public void A_forced_one_is_taken_though_another_is_preferred()
    {
        var preferred = new Fake("system", true, "MsQuic");

        var choice = QuicProviders.Choose([preferred, Present], "NGTCP2");

        Assert.Same(Present, choice.Provider);
        Assert.Equal("QUIC by ngtcp2: libngtcp2 1.11, as set", choice.Why);
    }

    [Fact]
    public void A_forced_one_that_cannot_run_is_an_error_that_says_what_to_install()
    {
        var thrown = Assert.Throws<QuicTransportException>(() => QuicProviders.Choose([Missing, Present], "system"));

        Assert.Equal(QuicTransportError.NotSupported, thrown.Error);
        Assert.Contains("system: install libmsquic", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("ngtcp2: libngtcp2 1.11", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void None_at_all_is_an_error_that_lists_each()
    {
        var other = new Fake("ngtcp2", false, "install libngtcp2-16");

        var thrown = Assert.Throws<QuicTransportException>(() => QuicProviders.Choose([Missing, other]));

        Assert.Equal(QuicTransportError.NotSupported, thrown.Error);
        Assert.Contains(
            "system: install libmsquic; ngtcp2: install libngtcp2-16", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_name_is_answered_with_the_known_ones()
    {
        var thrown = Assert.Throws<QuicTransportException>(() => QuicProviders.Choose([Missing, Present], "quiche"));

        Assert.Equal(QuicTransportError.InvalidConfiguration, thrown.Error);
        Assert.Contains("'auto', 'system', 'ngtcp2'", thrown.Message, StringComparison.Ordinal);
    }

    private sealed class Fake(string name, bool isSupported, string description) : IQuicProvider
    {
        public string Name => name;

        public QuicSupport Support => new(isSupported, description);

        public ValueTask<IQuicListener> ListenAsync(QuicListenOptions options, CancellationToken cancellationToken)
            => throw new NotSupportedException();

        public ValueTask<IQuicConnection> ConnectAsync(QuicConnectOptions options, CancellationToken cancellationToken)
            => throw new NotSupportedException();
    }
}
