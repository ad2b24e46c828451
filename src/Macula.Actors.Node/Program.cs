using Macula.Actors.Node;

return await NodeCommand.Create(NodeRun.RunAsync).InvokeAsync(args);
