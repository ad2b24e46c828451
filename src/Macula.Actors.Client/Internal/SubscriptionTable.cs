using Macula.Actors.Protocol;

namespace Macula.Actors.Client.Internal;

/// <summary>Who here wants which topics. A published message comes once per connection however
/// many patterns match, so they are matched again here. Safe for concurrent use.</summary>
internal sealed class SubscriptionTable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Utf8Text, List<MaculaSubscription>> _literal = [];
    private readonly Dictionary<Utf8Text, List<MaculaSubscription>> _wildcard = [];
    private Exception? _closedBy;
    private bool _isClosed;

    /// <summary>True when this is the first with its pattern.</summary>
    public bool Add(MaculaSubscription subscription)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                subscription.Complete(_closedBy);
                return false;
            }

            var table = TableOf(subscription);
            if (table.TryGetValue(subscription.PatternText, out var list))
            {
                list.Add(subscription);
                return false;
            }

            table.Add(subscription.PatternText, [subscription]);
            return true;
        }
    }

    /// <summary>True when this was the last with its pattern; false too when it was not there.
    /// </summary>
    public bool Remove(MaculaSubscription subscription)
    {
        lock (_gate)
        {
            var table = TableOf(subscription);
            if (!table.TryGetValue(subscription.PatternText, out var list)) return false;
            if (!list.Remove(subscription) || list.Count > 0) return false;

            table.Remove(subscription.PatternText);
            return true;
        }
    }

    public IReadOnlyList<Utf8Text> Patterns()
    {
        lock (_gate)
        {
            return [.. _literal.Keys, .. _wildcard.Keys];
        }
    }

    public void Dispatch(in PublishMessage publish)
    {
        MaculaMessage? message = null; // one copy for all, made when somebody wants it
        lock (_gate)
        {
            if (_literal.TryGetValue(publish.Topic, out var list)) Offer(list, publish, ref message);
            foreach (var (pattern, others) in _wildcard)
                if (TopicPattern.Matches(pattern, publish.Topic)) Offer(others, publish, ref message);
        }
    }

    /// <summary>No more messages; enumerations end, with the error if there is one.</summary>
    public void Close(Exception? error)
    {
        lock (_gate)
        {
            (_isClosed, _closedBy) = (true, error);
            foreach (var list in _literal.Values.Concat(_wildcard.Values))
                foreach (var subscription in list) subscription.Complete(error);
            _literal.Clear();
            _wildcard.Clear();
        }
    }

    private static void Offer(
        List<MaculaSubscription> list, in PublishMessage publish, ref MaculaMessage? message)
    {
        message ??= new MaculaMessage(
            publish.Topic.ToString(), publish.Payload.ToArray(), publish.Qos, publish.Retain,
            publish.MessageId);
        foreach (var subscription in list) subscription.Offer(message);
    }

    private Dictionary<Utf8Text, List<MaculaSubscription>> TableOf(MaculaSubscription subscription) =>
        TopicPattern.IsWildcard(subscription.PatternText.Span) ? _wildcard : _literal;
}
