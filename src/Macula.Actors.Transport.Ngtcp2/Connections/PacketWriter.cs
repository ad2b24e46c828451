using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Streams;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>Turns what a session's streams have to say into packets.</summary>
internal sealed unsafe class PacketWriter(SendBatch batch)
{
    private const int MostVectors = 8;
    private const long Burst = 10 * 1200; // bytes

    /// <summary>Writes until there is nothing left, the library says stop, or its quantum is used up; then the timer
    /// brings the session back.</summary>
    public void Write(Session session, ulong now)
    {
        var streams = session.Streams;
        streams.LookAgain();
        var native = session.Native;
        var quantum = QuicLibrary.GetSendQuantum(native);
        nuint written = 0;
        var isDone = false;
        var vectors = stackalloc NativeVector[MostVectors];
        var local = stackalloc byte[SocketAddresses.Room];
        var remote = stackalloc byte[SocketAddresses.Room];
        var path = new NativePath();
        PacketInfo info;

        // From WriteMore to the end of that packet nothing else of the connection may be called.
        while (written < quantum)
        {
            path.Local = new NativeAddress { SocketAddress = local, Length = SocketAddresses.Room };
            path.Remote = new NativeAddress { SocketAddress = remote, Length = SocketAddresses.Room };
            var packet = batch.Next();
            var room = session.PacketRoom(SendBatch.LargestPacket);
            nint result;
            bool isEmptyTry;
            do
            {
                var stream = streams.NextSender();
                isEmptyTry = stream is { Sending.HasPending: false };
                var (id, count, flags) = (-1L, 0, 0u);
                if (stream is not null)
                {
                    id = stream.Id;
                    count = stream.Sending.Gather(vectors, MostVectors, out var fin);
                    flags = QuicLibrary.WriteStreamFlagMore | (fin ? QuicLibrary.WriteStreamFlagFin : 0);
                }

                nint accepted;
                result = QuicLibrary.WriteStream(
                    native, &path, 1, &info, packet, (nuint)room, &accepted, flags, id, vectors,
                    (nuint)count, now);
                if (stream is not null) Note(streams, stream, result, accepted, flags);
            }
            while (IsAboutOneStream(result));

            if (result < 0)
            {
                session.FailWith((int)result, now);
                return;
            }

            if (result == 0)
            {
                if (isEmptyTry && streams.NextSender() is not null) continue; // that stream has left, others have more to say
                isDone = true;
                break;
            }

            batch.Add((int)result, &path, info.Ecn);
            session.OnPacketWritten(path.Remote, (int)result);
            written += (nuint)result;
        }

        // The pacer's time is that of the next packet. Where there is none to be sent nobody needs to wake up for it, as long as
        // all of it is no more than may go out at once (RFC 9002, section 7.7). The library must not hear of a time at which
        // nobody wakes up: it takes what comes later for a debt, and sends without any pace until it is paid.
        session.Unpaced += (long)written;
        if (!isDone || session.Unpaced > Burst)
        {
            QuicLibrary.UpdatePacketTxTime(native, now);
            session.Unpaced = 0;
        }

        session.AfterWrite(now);
    }

    private static void Note(StreamTable streams, QuicStream stream, nint result, nint accepted, uint flags)
    {
        switch (result)
        {
            case QuicError.StreamDataBlocked:
                streams.Park(stream);
                break;
            case QuicError.StreamShutWrite or QuicError.StreamNotFound:
                streams.Stopped(stream);
                break;
            case >= 0 or QuicError.WriteMore:
                var offered = (flags & QuicLibrary.WriteStreamFlagFin) != 0;
                if (accepted >= 0) stream.Sending.Took(accepted, offered);
                // Without anything accepted the packet was finished for other reasons; the stream keeps its turn.
                if (accepted >= 0 || !stream.Sending.HasPending) streams.Rotate(stream);
                break;
        }
    }

    private static bool IsAboutOneStream(nint result) => result is QuicError.WriteMore
        or QuicError.StreamDataBlocked or QuicError.StreamShutWrite or QuicError.StreamNotFound;
}
