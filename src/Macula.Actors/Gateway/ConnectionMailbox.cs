using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace Macula.Actors.Gateway;

/// <summary>The mailbox of connection actors, of which there are ten thousand and most are idle: it holds nothing while it
/// is empty, where Akka's own takes 1 KiB. <see cref="ReadCredit"/> bounds what peers put into it.</summary>
/// <remarks>Akka makes it by its name in the configuration, see <see cref="Configure"/>.</remarks>
public sealed class ConnectionMailbox(Settings settings, Config config)
    : MailboxType(settings, config), IProducesMessageQueue<ConnectionMailbox.MessageQueue>
{
    /// <summary>For <c>Props.WithMailbox</c>.</summary>
    public const string Id = "macula-connection-mailbox";

    /// <summary>Makes the mailbox known to a system that does not know it yet.</summary>
    public static void Configure(ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        if (system.Settings.Config.HasPath(Id)) return;
        system.Settings.InjectTopLevelFallback(ConfigurationFactory.ParseString(
            $"{Id}.mailbox-type = \"{typeof(ConnectionMailbox).AssemblyQualifiedName}\""));
    }

    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new MessageQueue();

    /// <summary>A ring that grows as needed, and is given back when it was large and has run empty.</summary>
    public sealed class MessageQueue : IMessageQueue, IUnboundedMessageQueueSemantics
    {
        private const int Least = 1;

        /// <summary>Envelopes; a ring of so many is kept, 1 KiB.</summary>
        private const int MostKept = 64;

        private readonly Lock _gate = new();
        private Envelope[] _ring = [];
        private int _head;
        private int _count;

        public bool HasMessages => Volatile.Read(ref _count) > 0;

        public int Count => Volatile.Read(ref _count);

        /// <summary>Envelopes that there is room for now.</summary>
        internal int Capacity => _ring.Length;

        public void Enqueue(IActorRef receiver, Envelope envelope)
        {
            lock (_gate)
            {
                if (_count == _ring.Length) Grow();
                _ring[(_head + _count) & (_ring.Length - 1)] = envelope;
                _count++;
            }
        }

        public bool TryDequeue(out Envelope envelope)
        {
            lock (_gate)
            {
                if (_count == 0)
                {
                    envelope = default;
                    return false;
                }

                envelope = _ring[_head];
                _ring[_head] = default;
                _head = (_head + 1) & (_ring.Length - 1);
                if (--_count == 0 && _ring.Length > MostKept) (_ring, _head) = ([], 0);
                return true;
            }
        }

        public void CleanUp(IActorRef owner, IMessageQueue deadletters)
        {
            ArgumentNullException.ThrowIfNull(deadletters);
            while (TryDequeue(out var envelope)) deadletters.Enqueue(owner, envelope);
        }

        private void Grow()
        {
            var ring = new Envelope[Math.Max(Least, 2 * _ring.Length)];
            var first = Math.Min(_count, _ring.Length - _head);
            Array.Copy(_ring, _head, ring, 0, first);
            Array.Copy(_ring, 0, ring, first, _count - first);
            (_ring, _head) = (ring, 0);
        }
    }
}
