using System.Reflection;
using Akka.Actor;
using Macula.Actors.Clients;

namespace Macula.Actors.Tests;

/// <summary>What holds for the assembly as a whole.</summary>
public sealed class ProtocolMarkersSpecs
{
    private static readonly Assembly Actors = typeof(ClientProtocol).Assembly;

    [Fact]
    public void Every_message_of_a_protocol_is_marked_and_sealed()
    {
        var messages = Actors.GetTypes()
            .Where(type => type.DeclaringType is { IsAbstract: true, IsSealed: true } holder
                && (holder.Name.EndsWith("Protocol", StringComparison.Ordinal) || holder.Name == "ConnectionEvents"))
            .Where(type => !type.IsEnum && !type.Name.Contains('<', StringComparison.Ordinal))
            .Where(type => type.Name is not ("Provider" or "Peer" or "PeerInfo" or "StoredRecord")) // parts of messages
            .ToList();

        Assert.True(messages.Count > 30);
        Assert.All(messages, type =>
        {
            Assert.True(type.IsSealed, $"{type} is not sealed");
            Assert.True(typeof(ILocal).IsAssignableFrom(type), $"{type} is neither local nor for the wire");
        });
    }

    [Fact]
    public void Every_message_that_an_actor_sends_itself_is_marked()
    {
        var nested = Actors.GetTypes()
            .Where(type => typeof(ActorBase).IsAssignableFrom(type.DeclaringType) && type.IsSealed && type.IsNestedPrivate)
            .Where(type => type.GetMethod("<Clone>$") is not null) // a record
            .ToList();

        Assert.NotEmpty(nested);
        Assert.All(nested, type => Assert.True(typeof(ILocal).IsAssignableFrom(type), $"{type} is not marked"));
    }

    [Fact]
    public void The_actors_refer_to_what_they_may_and_nothing_else()
    {
        var foreign = Actors.GetReferencedAssemblies()
            .Select(name => name.Name!)
            .Where(name => !name.StartsWith("System", StringComparison.Ordinal) || name == "System.Net.Quic")
            .Order();

        Assert.Equal(["Akka", "Macula.Actors.Protocol", "Macula.Actors.Transport"], foreign);
    }
}
