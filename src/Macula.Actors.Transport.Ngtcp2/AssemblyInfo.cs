using System.Runtime.CompilerServices;

// The structures cross the boundary as they lie in memory.
[assembly: DisableRuntimeMarshalling]
