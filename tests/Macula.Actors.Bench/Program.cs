using System.CommandLine;
using Macula.Actors.Bench.Codec;
using Macula.Actors.Bench.Concerns;
using Macula.Actors.Bench.Quic;
using Macula.Actors.Bench.Wire;

return await new RootCommand(
    "Benchmarks of Macula.Actors. Figures and what they mean: docs/performance.md.")
{
    CodecCommand.Create(),
    WireCommand.Create(),
    AllocationsCommand.Create(),
    ConcernsCommand.Create(),
    QuicCommand.Create(),
    PlainServer.CreateCommand(),
    ServerCommand.Create(),
}.Parse(args).InvokeAsync();
