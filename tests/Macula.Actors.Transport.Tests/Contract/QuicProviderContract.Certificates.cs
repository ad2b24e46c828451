namespace Macula.Actors.Transport.Tests.Contract;

public abstract partial class QuicProviderContract
{
    [ContractFact]
    public async Task New_handshakes_get_the_new_certificate_and_connections_stay()
    {
        var old = new QuicIdentity(Ours.Server, []);
        var renewed = new QuicIdentity(Leaf(Now.AddHours(-1), Now.AddDays(1)), []);
        var current = old;
        var listener = await ListenAsync(
            options => options with { CertificateSelector = _ => Volatile.Read(ref current) });
        var before = await ConnectAsync(listener);
        var pair = await StreamAsync(before, await AcceptAsync(listener));

        Volatile.Write(ref current, renewed);
        var after = await ConnectAsync(listener);

        Assert.Equal(old.Certificate.RawData, before.RemoteCertificate?.RawData);
        Assert.Equal(renewed.Certificate.RawData, after.RemoteCertificate?.RawData);
        await AssertAliveAsync(pair);
        await StreamAsync(after, await AcceptAsync(listener));
    }

    [ContractFact]
    public async Task A_certificate_is_chosen_by_the_name_that_is_asked_for()
    {
        var names = new[] { "one.example", "two.example" };
        var identities = names.ToDictionary(name => name, name => new QuicIdentity(
            Ours.Sign(name, TestCertificates.ServerAuthentication, [name], []), []));
        var fallback = new QuicIdentity(Ours.Server, []);
        var listener = await ListenAsync(options => options with
        {
            CertificateSelector = name => name is null ? fallback : identities.GetValueOrDefault(name, fallback),
        });

        foreach (var name in names)
        {
            var client = await ConnectAsync(listener, options => options with { ServerName = name });
            Assert.Equal(identities[name].Certificate.RawData, client.RemoteCertificate?.RawData);
            Assert.Equal(name, (await AcceptAsync(listener)).ServerName);
        }

        var other = await ConnectAsync(listener);
        Assert.Equal(fallback.Certificate.RawData, other.RemoteCertificate?.RawData);
        await AcceptAsync(listener);
        var nameless = await ConnectAsync(listener, options => options with { ServerName = "127.0.0.1" });
        Assert.Equal(fallback.Certificate.RawData, nameless.RemoteCertificate?.RawData);
        Assert.Null((await AcceptAsync(listener)).ServerName);
    }

    [ContractFact]
    public async Task A_selected_certificate_brings_its_intermediates()
    {
        using var root = TestCertificates.CreateChain(out var intermediate, out var leaf);
        var listener = await ListenAsync(
            options => options with { CertificateSelector = _ => new QuicIdentity(leaf, [intermediate]) });

        var client = await ConnectAsync(listener, options => options with { Trust = QuicTrust.Roots([root]) });

        Assert.Equal(leaf.RawData, client.RemoteCertificate?.RawData);
    }

    [ContractFact]
    public async Task A_selector_that_throws_fails_its_handshake_and_no_other()
    {
        var fails = true;
        var (listener, failures) = await ListenForFailuresAsync(options => options with
        {
            CertificateSelector = _ => Volatile.Read(ref fails)
                ? throw new InvalidOperationException("no certificate today")
                : new QuicIdentity(Ours.Server, []),
        });

        await Assert.ThrowsAsync<QuicTransportException>(() => ConnectAsync(listener));
        Assert.NotEmpty(await failures.WaitAsync(Soon));

        Volatile.Write(ref fails, false);
        await StreamAsync(await ConnectAsync(listener), await AcceptAsync(listener));
    }
}
