using Microsoft.Extensions.Logging.Abstractions;

namespace Macula.Actors.Hosting.Tests;

public sealed class NodeSecretSpecs : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_survives_restarts_and_is_for_its_owner_alone()
    {
        var first = Load();

        Assert.Equal(32, first.Length);
        Assert.Equal(first, Load());
        Assert.Equal(["quic-secret"], Directory.GetFiles(Data).Select(Path.GetFileName));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Secret));
    }

    [Fact]
    public void Of_several_that_start_at_once_all_have_the_same()
    {
        const int Starts = 8;
        for (var round = 0; round < 20; round++)
        {
            if (Directory.Exists(Data)) Directory.Delete(Data, recursive: true);
            using var together = new Barrier(Starts);
            var secrets = new string[Starts];
            var threads = Enumerable.Range(0, Starts).Select(i => new Thread(() =>
            {
                together.SignalAndWait();
                secrets[i] = Convert.ToHexString(Load());
            })).ToArray();
            foreach (var thread in threads) thread.Start();
            foreach (var thread in threads) thread.Join();

            Assert.Single(secrets.Distinct());
            Assert.Equal(["quic-secret"], Directory.GetFiles(Data).Select(Path.GetFileName));
        }
    }

    [Theory]
    [InlineData("", "holds 0 bytes")]
    [InlineData("0011", "holds 2 bytes")]
    [InlineData("no hex", "holds no secret in hex")]
    public void A_damaged_one_is_named(string content, string told)
    {
        Directory.CreateDirectory(Data);
        File.WriteAllText(Secret, content);

        var message = Assert.Throws<MaculaStartException>(Load).Message;

        Assert.Contains($"{Secret} {told}", message, StringComparison.Ordinal);
        Assert.Contains("delete it", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_can_be_kept_there_is_none()
    {
        File.WriteAllText(Data, "a file where the directory would be");

        Assert.Empty(Load());
    }

    private string Data => Path.Combine(_folder.Path, "data");

    private string Secret => Path.Combine(Data, "quic-secret");

    private byte[] Load() => NodeSecret.LoadOrCreate(Data, NullLogger.Instance);
}
