using Akka.Configuration;
using Macula.Actors.Configuration;
using Macula.Actors.Transport;

namespace Macula.Actors.Hosting;

/// <summary>The part of the section <c>macula.mesh</c> that says how peers are dialled; the pool's limits are in
/// <see cref="Mesh.MeshOptions"/>.</summary>
public sealed record MeshSettings
{
    /// <summary>PEM; empty together with <see cref="Fingerprints"/>: the system's trust store.</summary>
    public required string CaFile { get; init; }

    /// <summary>SHA-256, 64 hexadecimal digits each; empty: certificates are judged by their roots.</summary>
    public required IReadOnlyList<string> Fingerprints { get; init; }

    /// <summary>Whether this node shows its certificate to peers that ask for one.</summary>
    public required bool ClientCertificate { get; init; }

    internal static MeshSettings Read(Config config, List<string> faults)
    {
        var read = new OptionsReader(config, "macula.mesh");
        var settings = new MeshSettings
        {
            CaFile = read.Text("ca-file"),
            Fingerprints = read.Texts("fingerprints"),
            ClientCertificate = read.Bool("client-certificate"),
        };

        foreach (var fingerprint in settings.Fingerprints)
        {
            try
            {
                QuicTrust.Pinned(fingerprint);
            }
            catch (FormatException)
            {
                read.Fault("fingerprints", fingerprint, "SHA-256 fingerprints, 64 hexadecimal digits each");
            }
        }

        if (settings.Fingerprints.Count > 0 && settings.CaFile.Length > 0)
            read.Fault("ca-file", settings.CaFile, "nothing while fingerprints are given: peers are judged by one of the two");
        faults.AddRange(read.Faults);
        return settings;
    }
}
