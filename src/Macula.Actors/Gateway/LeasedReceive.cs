using Akka.Actor;

namespace Macula.Actors.Gateway;

/// <summary>Handlers of messages that hold a peer's credit.</summary>
internal static class LeasedReceive
{
    /// <summary>Handles <typeparamref name="T"/> and returns its credit afterwards, also when the handler throws.</summary>
    public static void ReceiveLeased<T>(
        this ReceiveActor _, Action<Action<T>, Predicate<T>?> receive, Action<T> handler)
        where T : ILeased =>
        receive(
            message =>
            {
                try
                {
                    handler(message);
                }
                finally
                {
                    message.Lease.Return();
                }
            },
            null);
}
