using System.Runtime.InteropServices;

namespace Macula.Actors.EndToEnd.Tests.Harness;

/// <summary>The signals that these tests send, with their numbers on Linux.</summary>
public enum Signal
{
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
}

internal static partial class Signals
{
    public static void Send(int process, Signal signal)
    {
        if (Kill(process, (int)signal) != 0)
            throw new InvalidOperationException($"{signal} to {process} failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
