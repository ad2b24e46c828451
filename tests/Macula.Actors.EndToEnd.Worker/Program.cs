// A client process of the end-to-end tests. It says what it has done in JSON lines on standard output, does the next
// step when a line comes on standard input, and ends with that input: it never outlives the tests.
using Macula.Actors.EndToEnd.Worker;

var order = WorkOrder.Parse(args[1]);
var test = new TestLines();
var work = args[0] switch
{
    "pubsub" => new PubSubWork(order, test).RunAsync(),
    "serve" => new ServeWork(order, test).RunAsync(),
    "flood" => new FloodWork(order, test).RunAsync(),
    "call" => new CallWork(order, test).RunAsync(),
    _ => throw new ArgumentException($"there is no work '{args[0]}'"),
};
var ended = await Task.WhenAny(work, test.InputEnded);
await ended;
return ended == work ? 0 : 3;
