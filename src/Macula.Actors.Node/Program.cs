using Macula.Actors.Node;

NativeHeap.LimitArenas();
return await NodeCommand.Create(NodeRun.RunAsync).InvokeAsync(args);
