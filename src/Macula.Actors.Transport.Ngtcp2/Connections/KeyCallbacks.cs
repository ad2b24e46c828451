using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Macula.Actors.Transport.Ngtcp2.Native;
using Macula.Actors.Transport.Ngtcp2.Tls;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>What libngtcp2 and GnuTLS call for their keys, always on the loop thread: the library's own functions, with
/// contexts that are there when they are needed (<see cref="PacketKeys"/>).</summary>
/// <remarks>The library does not say for whom it works on a packet; so each call that reads or writes packets says it
/// first. An exception that left one of these would end the process.</remarks>
internal static unsafe class KeyCallbacks
{
    private const int TagLength = 16; // of every AEAD that QUIC has (RFC 9001, section 5.3)
    private const byte LongHeader = 0x80;
    private const int ApplicationSecrets = 3; // GNUTLS_ENCRYPTION_LEVEL_APPLICATION
    private const int Failed = -1;

    [ThreadStatic]
    private static Session? reading;

    // A packet that is read has its mask taken off before it is opened.
    [ThreadStatic]
    private static CryptoContext* lastMask;

    /// <summary>Around each call that reads a packet.</summary>
    public static void Reading(Session? session) => reading = session;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Encrypt(
        byte* destination, void* aead, CryptoContext* context, byte* plaintext, nuint length, byte* nonce,
        nuint nonceLength, byte* header, nuint headerLength)
    {
        try
        {
            return TryUse(context, aead, nonceLength, out var used)
                ? CryptoLibrary.Encrypt(
                    destination, aead, &used, plaintext, length, nonce, nonceLength, header, headerLength)
                : QuicError.CallbackFailure;
        }
        catch (Exception)
        {
            return QuicError.CallbackFailure; // a library without the export: nothing that a peer could cause
        }
    }

    /// <summary>And a look at what came out of it.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Decrypt(
        byte* destination, void* aead, CryptoContext* context, byte* ciphertext, nuint length, byte* nonce,
        nuint nonceLength, byte* header, nuint headerLength)
    {
        var session = reading;
        try
        {
            if (!TryUse(context, aead, nonceLength, out var used)) return QuicError.CallbackFailure;
            var result = CryptoLibrary.Decrypt(
                destination, aead, &used, ciphertext, length, nonce, nonceLength, header, headerLength);
            if (result != 0 || session is null || !IsShort(header, headerLength)) return result;
            if (session.Keys.AwaitsReceiving) session.Keys.TakeReceiving(context, lastMask);
            var payload = new ReadOnlySpan<byte>(destination, (int)length - TagLength);
            session.OnOpened(payload);
            var scan = new StopSendingScan(payload);
            while (scan.TryNext(out var id, out var code)) session.Streams.NoteStop(id, code);
            return 0;
        }
        catch (Exception fault)
        {
            session?.Remember(fault);
            return QuicError.CallbackFailure;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Mask(byte* destination, void* cipher, CryptoContext* context, byte* sample)
    {
        try
        {
            if (!TryUse(context, cipher, 0, out var used)) return QuicError.CallbackFailure;
            lastMask = context;
            return CryptoLibrary.Mask(destination, cipher, &used, sample);
        }
        catch (Exception)
        {
            return QuicError.CallbackFailure; // as with Encrypt
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Update(
        void* native, byte* receivingSecret, byte* sendingSecret, CryptoContext* open, byte* receivingVector,
        CryptoContext* seal, byte* sendingVector, byte* currentReceivingSecret, byte* currentSendingSecret, nuint length,
        void* user)
    {
        var session = Session.From(user);
        var receivingKey = stackalloc byte[PacketKey.MostBytes];
        var sendingKey = stackalloc byte[PacketKey.MostBytes];
        try
        {
            if (CryptoLibrary.UpdateKey(
                native, receivingSecret, sendingSecret, open, receivingKey, receivingVector, seal, sendingKey,
                sendingVector, currentReceivingSecret, currentSendingSecret, length) != 0)
                return QuicError.CallbackFailure;
            var keyLength = KeyLength(native);
            session.Keys.Add(open, KeyPurpose.Open, new ReadOnlySpan<byte>(receivingKey, keyLength));
            session.Keys.Add(seal, KeyPurpose.Seal, new ReadOnlySpan<byte>(sendingKey, keyLength));
            return 0;
        }
        catch (Exception fault)
        {
            session.Remember(fault);
            return QuicError.CallbackFailure;
        }
        finally
        {
            NativeMemory.Clear(receivingKey, PacketKey.MostBytes);
            NativeMemory.Clear(sendingKey, PacketKey.MostBytes);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void DeleteAead(void* native, CryptoContext* context, void* user)
    {
        try
        {
            if (!TryRemove(context, user)) CryptoLibrary.FreeContext(context);
        }
        catch (Exception fault)
        {
            Session.From(user).Remember(fault);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void DeleteCipher(void* native, CryptoContext* context, void* user)
    {
        try
        {
            if (!TryRemove(context, user)) CryptoLibrary.DeleteCipher(native, context, user);
        }
        catch (Exception fault)
        {
            Session.From(user).Remember(fault);
        }
    }

    /// <summary>GnuTLS has secrets of a new level. The library makes keys of them and puts them to work; we do that for
    /// what is sent after the handshake, and take note of what is received with then.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Secrets(void* tls, int level, byte* receiving, byte* sending, nuint length)
    {
        try
        {
            var reference = (ConnectionReference*)TlsLibrary.SessionGetPointer(tls);
            var native = reference->Connection;
            var keys = Session.From((void*)reference->SessionHandle).Keys;
            var isLast = level == ApplicationSecrets && QuicLibrary.NegotiatedVersion(native) == QuicLibrary.QuicVersion1;
            return (receiving == null || Receive(native, keys, level, receiving, length, isLast))
                && (sending == null || Send(native, keys, level, sending, length, isLast)) ? 0 : Failed;
        }
        catch (Exception)
        {
            return Failed; // a library without the export: nothing that a peer could cause
        }
    }

    private static bool Receive(void* native, PacketKeys keys, int level, byte* secret, nuint length, bool isLast)
    {
        var key = stackalloc byte[PacketKey.MostBytes];
        var mask = stackalloc byte[PacketKey.MostBytes];
        if (CryptoLibrary.InstallReceivingKey(native, key, null, mask, CryptoLibrary.LevelOf(level), secret, length) != 0)
            return false;
        if (isLast) keys.NoteReceiving(new(key, KeyLength(native)), new(mask, KeyLength(native)));
        NativeMemory.Clear(key, PacketKey.MostBytes);
        NativeMemory.Clear(mask, PacketKey.MostBytes);
        return true;
    }

    private static bool Send(void* native, PacketKeys keys, int level, byte* secret, nuint length, bool isLast)
    {
        if (!isLast)
            return CryptoLibrary.InstallSendingKey(native, null, null, null, CryptoLibrary.LevelOf(level), secret, length) == 0;

        var vectorLength = CryptoLibrary.VectorLength(QuicLibrary.GetCryptoContext(native));
        var vector = stackalloc byte[PacketKey.MostBytes];
        Span<byte> key = stackalloc byte[KeyLength(native)];
        var from = new ReadOnlySpan<byte>(secret, (int)length);
        CryptoContext seal, mask;
        KeyDerivation.Expand(from, "quic key"u8, key);
        keys.Add(&seal, KeyPurpose.Seal, key);
        KeyDerivation.Expand(from, "quic hp"u8, key);
        keys.Add(&mask, KeyPurpose.Mask, key);
        CryptographicOperations.ZeroMemory(key);
        KeyDerivation.Expand(from, "quic iv"u8, new Span<byte>(vector, (int)vectorLength));
        if (QuicLibrary.InstallSendingKey(native, secret, length, &seal, vector, vectorLength, &mask) == 0) return true;
        keys.Remove(PacketKey.Of(&seal));
        keys.Remove(PacketKey.Of(&mask));
        return false;
    }

    private static bool TryUse(CryptoContext* context, void* algorithm, nuint nonceLength, out CryptoContext used)
    {
        used = *context;
        var key = PacketKey.Of(context);
        if (key == null) return true;
        if (!key->HasContext) Session.From(key->Owner).Keys.AreInUse = true;
        return key->TryUse(algorithm, nonceLength, out used);
    }

    private static bool TryRemove(CryptoContext* context, void* user)
    {
        var key = PacketKey.Of(context);
        if (key == null) return false;
        Session.From(user).Keys.Remove(key);
        return true;
    }

    // The AEAD is the first that the connection's cryptographic context has.
    private static int KeyLength(void* native) => (int)CryptoLibrary.KeyLength(QuicLibrary.GetCryptoContext(native));

    private static bool IsShort(byte* header, nuint length) => length > 0 && (*header & LongHeader) == 0;
}
