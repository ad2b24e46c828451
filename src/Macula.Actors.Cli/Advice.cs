using Macula.Actors.Client;
using Macula.Actors.Transport;

namespace Macula.Actors.Cli;

/// <summary>What to do about an error, for the same line.</summary>
internal static class Advice
{
    public static string For(MaculaException error, Target target)
    {
        if (error is { Code: MaculaErrorCodes.Closed, InnerException: MaculaException reason })
            return For(reason, target);

        var advice = error switch
        {
            { InnerException: QuicTransportException { Error: QuicTransportError.AuthenticationFailed } } =>
                $"{target.Why}; name the right one with --fingerprint or --ca, or try --insecure",
            { InnerException: QuicTransportException { Error: QuicTransportError.NotSupported } } =>
                "install the library, or choose another with --quic",
            { Code: MaculaErrorCodes.ConnectFailed } =>
                "is a node running there? --server or MACULA_SERVER names another",
            { Code: MaculaErrorCodes.NotConnected or MaculaErrorCodes.ConnectionLost } =>
                "is the node still running?",
            { Code: "wrong_realm" } =>
                $"this client says '{target.Options.Realm}'; --realm or MACULA_REALM names another",
            { Code: "session_superseded" } =>
                $"another client uses the id {target.Options.NodeId}; leave --node-id out or change it",
            { Code: MaculaErrorCodes.NoSuchProcedure } => "is 'macula serve' or another provider running?",
            { Code: MaculaErrorCodes.Timeout } and MaculaCallException => "--timeout allows more",
            MaculaRefusedException { RetryAfter: { } wait } => $"try again in {wait.TotalSeconds:0.#} s",
            _ => null,
        };
        return advice is null ? $"{error.Message} ({error.Code})" : $"{error.Message} ({error.Code}); {advice}";
    }
}
