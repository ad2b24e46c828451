namespace Macula.Actors.Protocol;

/// <summary>Stable codes of <see cref="ReplyError"/>. The first three are the reference's.
/// </summary>
public static class ReplyErrorCodes
{
    /// <summary>A direct CALL, and nobody serves the procedure.</summary>
    public const string NoSuchProcedure = "no_such_procedure";

    /// <summary>A CALL that came in an RPC_ROUTE, and nobody serves the procedure here.</summary>
    public const string NoHandler = "no_handler";

    /// <summary>The handler failed.</summary>
    public const string HandlerError = "handler_error";

    /// <summary>No reply within the deadline.</summary>
    public const string Timeout = "timeout";

    /// <summary>A limit is reached; try again later.</summary>
    public const string Overloaded = "overloaded";

    /// <summary>No way to the destination.</summary>
    public const string NoRoute = "no_route";

    /// <summary>The route is longer than allowed.</summary>
    public const string MaxHopsExceeded = "max_hops_exceeded";

    /// <summary>The request is not what the operation needs.</summary>
    public const string InvalidRequest = "invalid_request";

    /// <summary>The provider went away before it replied.</summary>
    public const string ProviderGone = "provider_gone";

    /// <summary>The node failed while it had the call.</summary>
    public const string InternalError = "internal_error";
}
