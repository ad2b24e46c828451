using Akka.Actor;

namespace Macula.Actors.Bounded;

/// <summary>Equality of local actors, by the number that each incarnation has for itself: the default walks the whole
/// path for every hash.</summary>
internal sealed class ActorRefComparer : IEqualityComparer<IActorRef>
{
    public static readonly ActorRefComparer Instance = new();

    private ActorRefComparer()
    {
    }

    public bool Equals(IActorRef? x, IActorRef? y) => ReferenceEquals(x, y) || (x?.Equals(y) ?? false);

    // References without an incarnation, such as those of an Ask, have only their path.
    public int GetHashCode(IActorRef obj) =>
        obj.Path.Uid is var uid and not ActorCell.UndefinedUid ? uid.GetHashCode() : obj.Path.GetHashCode();
}
