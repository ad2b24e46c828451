using Akka.Actor;

namespace Macula.Actors.Gateway;

/// <summary>An actor whose messages hold peers' credit.</summary>
public abstract class LeasedActor : ReceiveActor
{
    protected override void PostRestart(Exception reason)
    {
        base.PostRestart(reason);
        Context.Parent.Tell(new GatewayProtocol.StateLost(Self.Path.Name));
    }

    /// <summary>Handles <typeparamref name="T"/> and returns its credit afterwards, also when the handler throws.</summary>
    protected void ReceiveLeased<T>(Action<T> handler)
        where T : ILeased =>
        Receive<T>(message =>
        {
            try
            {
                handler(message);
            }
            finally
            {
                message.Lease.Return();
            }
        });
}
