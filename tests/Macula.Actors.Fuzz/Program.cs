using Macula.Actors.Fuzz;

return await FuzzCommand.Create().Parse(args).InvokeAsync();
