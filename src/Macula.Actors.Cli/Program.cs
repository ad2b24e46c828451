using Macula.Actors.Cli;

return await MaculaCommand.RunAsync(args, CliHost.ForProcess());
