using Macula.Actors.Client;

namespace Macula.Actors.Cli;

/// <summary>What the tool says when it ends; stable, for scripts.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>A call returned an error, or something else went wrong on the way.</summary>
    public const int Failure = 1;

    /// <summary>The command line cannot be understood, or names what is not there.</summary>
    public const int Usage = 2;

    /// <summary>No connection, or it was lost.</summary>
    public const int CannotConnect = 3;

    /// <summary>The gateway said no.</summary>
    public const int Refused = 4;

    public const int TimedOut = 5;

    /// <summary>Ctrl-C, as shells have it: 128 and the number of SIGINT.</summary>
    public const int Interrupted = 130;

    public const string Help =
        """
        Exit codes:
          0  ok
          1  failure, such as a call that returned an error
          2  usage
          3  cannot connect, or the connection was lost
          4  refused by the gateway
          5  timed out
          130  interrupted
        """;

    public static int Of(MaculaException error) => error switch
    {
        MaculaRefusedException => Refused,
        MaculaConnectionException { InnerException: MaculaRefusedException } => Refused,
        { Code: MaculaErrorCodes.Closed, InnerException: MaculaException reason } => Of(reason),
        { Code: MaculaErrorCodes.Timeout } => TimedOut,
        {
            Code: MaculaErrorCodes.ConnectFailed or MaculaErrorCodes.NotConnected
                or MaculaErrorCodes.ConnectionLost or MaculaErrorCodes.Closed
        } => CannotConnect,
        _ => Failure,
    };
}
