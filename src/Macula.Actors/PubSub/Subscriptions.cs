using Akka.Actor;
using Macula.Actors.Bounded;
using Macula.Actors.Gateway;
using Macula.Actors.Protocol;

namespace Macula.Actors.PubSub;

/// <summary>Why a pattern was not taken.</summary>
/// <param name="Reason">A word for the count.</param>
/// <param name="Sentence">For the log.</param>
internal sealed record SubscriptionRefusal(string Reason, string Sentence)
{
    public const string PerClient = "per_client";

    public const string Nodes = "nodes";

    public const string CostPerClient = "cost_per_client";

    public const string Cost = "cost";

    public const string Invalid = "invalid";
}

/// <summary>Who wants which topics, within its limits; sends a message to each stream that wants it.</summary>
/// <remarks>Between any two calls: a pattern is in the trie exactly if it is in its stream's set; a stream is here
/// exactly if it has patterns, a client exactly if it has streams; no match can cost more than it may.
/// Adding and removing are O(1) each. Not thread-safe.</remarks>
internal sealed class Subscriptions(PubSubOptions options)
{
    private readonly TopicTrie<Subscriber> _trie = new(options.MaxSegments);
    private readonly Dictionary<IFrameSink, Subscriber> _subscribers = [];
    private readonly Dictionary<IActorRef, Client> _clients = [];
    private readonly List<Subscriber> _receivers = [];

    /// <summary>Pairs of pattern and stream.</summary>
    public int Count => _trie.Count;

    /// <summary>Nodes of the trie.</summary>
    public int Nodes => _trie.Nodes;

    /// <summary>Nodes of it that the last message met.</summary>
    internal int Visits => _trie.Visits;

    /// <summary>Whether a stream of this connection has a subscription.</summary>
    public bool Has(IActorRef connection) => _clients.ContainsKey(connection);

    /// <param name="isNew">False when the stream has the pattern already, or may not.</param>
    /// <returns>Null when the stream has the pattern now.</returns>
    public SubscriptionRefusal? Add(IFrameSink stream, Utf8Text pattern, out bool isNew)
    {
        isNew = false;
        if (options.PatternFault(pattern.Span) is { } fault)
            return new SubscriptionRefusal(SubscriptionRefusal.Invalid, fault);

        var subscriber = _subscribers.GetValueOrDefault(stream);
        if (subscriber?.Patterns.Contains(pattern) == true) return null;
        var client = subscriber?.Client ?? _clients.GetValueOrDefault(stream.Connection);
        if (Refusal(client, pattern) is { } refusal) return refusal;

        client ??= new Client();
        subscriber ??= new Subscriber(stream, client);
        _trie.Add(pattern.Span, subscriber);
        if (_trie.WorstMatch > options.MaxMatchCost)
        {
            _trie.Remove(pattern.Span, subscriber);
            return new SubscriptionRefusal(
                SubscriptionRefusal.Cost, $"a match would cost more than max-match-cost {options.MaxMatchCost}");
        }

        _clients[stream.Connection] = client;
        _subscribers[stream] = subscriber;
        client.Subscribers.Add(subscriber);
        client.Patterns++;
        client.Cost += _trie.CostOf(pattern.Span);
        subscriber.Patterns.Add(pattern);
        isNew = true;
        return null;
    }

    public void Remove(IFrameSink stream, Utf8Text pattern)
    {
        if (!_subscribers.TryGetValue(stream, out var subscriber) || !subscriber.Patterns.Remove(pattern)) return;
        _trie.Remove(pattern.Span, subscriber);
        subscriber.Client.Patterns--;
        subscriber.Client.Cost -= _trie.CostOf(pattern.Span);
        if (subscriber.Patterns.Count == 0) Remove(stream);
    }

    /// <summary>Removes a stream with all that it has.</summary>
    public void Remove(IFrameSink stream)
    {
        if (!_subscribers.Remove(stream, out var subscriber)) return;
        var client = subscriber.Client;
        foreach (var pattern in subscriber.Patterns)
        {
            _trie.Remove(pattern.Span, subscriber);
            client.Cost -= _trie.CostOf(pattern.Span);
        }

        client.Patterns -= subscriber.Patterns.Count;
        client.Subscribers.Remove(subscriber);
        if (client.Subscribers.Count == 0) _clients.Remove(stream.Connection);
    }

    /// <summary>Removes all streams of a connection.</summary>
    public void Remove(IActorRef connection)
    {
        if (!_clients.TryGetValue(connection, out var client)) return;
        foreach (var subscriber in client.Subscribers.ToArray()) Remove(subscriber.Stream);
    }

    /// <summary>Sends a frame once to each stream that has a pattern for the topic; allocates nothing for any of them.
    /// </summary>
    /// <returns>How many took it.</returns>
    public int Send(ReadOnlySpan<byte> topic, ReadOnlyMemory<byte> frame, FrameDelivery delivery)
    {
        _receivers.Clear();
        _trie.Match(topic, _receivers);
        var taken = 0;
        foreach (var receiver in _receivers)
            if (receiver.Stream.TrySend(frame, delivery)) taken++;
        return taken;
    }

    private SubscriptionRefusal? Refusal(Client? client, Utf8Text pattern)
    {
        if (client?.Patterns >= options.MaxPatternsPerClient)
            return new SubscriptionRefusal(
                SubscriptionRefusal.PerClient,
                $"the client has max-patterns-per-client {options.MaxPatternsPerClient} already");
        if ((client?.Cost ?? 0) + _trie.CostOf(pattern.Span) > options.MaxMatchCostPerClient)
            return new SubscriptionRefusal(
                SubscriptionRefusal.CostPerClient,
                $"the client's patterns would cost more than max-match-cost-per-client {options.MaxMatchCostPerClient}");
        if (_trie.Count >= options.MaxPatterns)
            return new SubscriptionRefusal(
                BoundedTable.Full, $"the node has max-patterns {options.MaxPatterns} already");
        return _trie.Nodes + _trie.Missing(pattern.Span) > options.MaxPatternNodes
            ? new SubscriptionRefusal(
                SubscriptionRefusal.Nodes, $"the node has max-pattern-nodes {options.MaxPatternNodes} already")
            : null;
    }

    /// <summary>One connection.</summary>
    private sealed class Client
    {
        /// <summary>Of all its streams.</summary>
        public int Patterns { get; set; }

        /// <summary>What they can add to one match.</summary>
        public long Cost { get; set; }

        public HashSet<Subscriber> Subscribers { get; } = [];
    }

    private sealed class Subscriber(IFrameSink stream, Client client)
    {
        public IFrameSink Stream { get; } = stream;

        public Client Client { get; } = client;

        public HashSet<Utf8Text> Patterns { get; } = [];
    }
}
