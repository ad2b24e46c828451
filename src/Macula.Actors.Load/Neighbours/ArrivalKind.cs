namespace Macula.Actors.Load.Neighbours;

/// <summary>Sorts of <see cref="Arrival"/>.</summary>
internal enum ArrivalKind
{
    Message,
    Request,
    Reply,
}
