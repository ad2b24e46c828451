using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Macula.Actors.Transport.Ngtcp2.Native;

/// <summary>Finds out once whether the libraries are there and fit; what is missing is said, never thrown.</summary>
internal static unsafe class InstalledLibraries
{
    /// <summary>1.11.0: the version of Debian 12 (backports) and 13, and free of known failed assertions that end
    /// the process in older ones.</summary>
    private const int LeastVersion = 0x010b00;

    private static readonly Lazy<QuicSupport> Found = new(Look);

    public static QuicSupport Support => Found.Value;

    private static QuicSupport Look()
    {
        if (!OperatingSystem.IsLinux()) return Missing("the ngtcp2 provider runs on Linux only");
        if (RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64))
            return Missing($"the provider runs on x64 and arm64, not on {RuntimeInformation.ProcessArchitecture}");
        if (Stopwatch.Frequency != 1_000_000_000)
            return Missing("the ngtcp2 provider needs a monotonic clock in nanoseconds");
        foreach (var file in new[] { QuicLibrary.File, CryptoLibrary.File, TlsLibrary.File })
            if (!NativeLibrary.TryLoad(file, out _))
                return Missing($"{file} was not found; {Advice.ForThisMachine()}");

        try
        {
            var version = QuicLibrary.Version(0);
            var text = Marshal.PtrToStringUTF8((nint)version->VersionText);
            if (version->VersionNumber >> 16 != 1 || version->VersionNumber < LeastVersion)
                return Missing($"ngtcp2 {text} is too old, 1.11.0 is needed; {Advice.ForThisMachine()}");
            if (NativeLayout.Difference() is { } difference) return Missing(difference);
            var tls = Marshal.PtrToStringUTF8((nint)TlsLibrary.CheckVersion(null));
            return new QuicSupport(true, $"ngtcp2 {text}, GnuTLS {tls}");
        }
        catch (EntryPointNotFoundException fault)
        {
            return Missing($"the ngtcp2 libraries do not fit: {fault.Message}");
        }
    }

    private static QuicSupport Missing(string why) => new(false, why);
}
