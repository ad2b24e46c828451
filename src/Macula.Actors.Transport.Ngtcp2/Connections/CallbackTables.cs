using System.Runtime.InteropServices;
using Macula.Actors.Transport.Ngtcp2.Native;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>The two callback tables; the library copies them for each connection. They live as long as the
/// process.</summary>
internal static unsafe class CallbackTables
{
    private static readonly Lazy<nint> ServerTable = new(() => (nint)Build(server: true));
    private static readonly Lazy<nint> ClientTable = new(() => (nint)Build(server: false));

    public static NativeCallbacks* Server => (NativeCallbacks*)ServerTable.Value;

    public static NativeCallbacks* Client => (NativeCallbacks*)ClientTable.Value;

    private static NativeCallbacks* Build(bool server)
    {
        var library = NativeLibrary.Load(CryptoLibrary.File);
        var table = (NativeCallbacks*)NativeMemory.AllocZeroed((nuint)sizeof(NativeCallbacks));
        if (server)
        {
            table->ReceiveClientInitial = Crypto("recv_client_initial");
            table->GetPathChallengeData =
                (nint)(delegate* unmanaged[Cdecl]<void*, byte*, void*, int>)&Callbacks.PathChallengeData;
            table->PathValidation =
                (nint)(delegate* unmanaged[Cdecl]<void*, uint, NativePath*, NativePath*, int, void*, int>)
                &Callbacks.PathValidation;
        }
        else
        {
            table->ClientInitial = Crypto("client_initial");
            table->GetPathChallengeData = Crypto("get_path_challenge_data");
            table->ReceiveRetry = Crypto("recv_retry");
            table->ReceiveVersionNegotiation =
                (nint)(delegate* unmanaged[Cdecl]<void*, PacketHeader*, uint*, nuint, void*, int>)
                &Callbacks.VersionNegotiation;
            table->HandshakeConfirmed =
                (nint)(delegate* unmanaged[Cdecl]<void*, void*, int>)&Callbacks.HandshakeConfirmed;
        }

        table->ReceiveCryptoData =
            (nint)(delegate* unmanaged[Cdecl]<void*, int, ulong, byte*, nuint, void*, int>)&Callbacks.CryptoData;
        table->Encrypt =
            (nint)(delegate* unmanaged[Cdecl]<byte*, void*, CryptoContext*, byte*, nuint, byte*, nuint, byte*, nuint, int>)
            &KeyCallbacks.Encrypt;
        table->Decrypt =
            (nint)(delegate* unmanaged[Cdecl]<byte*, void*, CryptoContext*, byte*, nuint, byte*, nuint, byte*, nuint, int>)
            &KeyCallbacks.Decrypt;
        table->HeaderProtectionMask =
            (nint)(delegate* unmanaged[Cdecl]<byte*, void*, CryptoContext*, byte*, int>)&KeyCallbacks.Mask;
        table->UpdateKey =
            (nint)(delegate* unmanaged[Cdecl]<
                void*, byte*, byte*, CryptoContext*, byte*, CryptoContext*, byte*, byte*, byte*, nuint, void*, int>)
            &KeyCallbacks.Update;
        table->DeleteCryptoAeadContext =
            (nint)(delegate* unmanaged[Cdecl]<void*, CryptoContext*, void*, void>)&KeyCallbacks.DeleteAead;
        table->DeleteCryptoCipherContext =
            (nint)(delegate* unmanaged[Cdecl]<void*, CryptoContext*, void*, void>)&KeyCallbacks.DeleteCipher;
        table->VersionNegotiation = Crypto("version_negotiation");

        table->Random = (nint)(delegate* unmanaged[Cdecl]<byte*, nuint, void*, void>)&Callbacks.Random;
        table->GetNewConnectionId =
            (nint)(delegate* unmanaged[Cdecl]<void*, NativeCid*, byte*, nuint, void*, int>)&Callbacks.NewConnectionId;
        table->RemoveConnectionId =
            (nint)(delegate* unmanaged[Cdecl]<void*, NativeCid*, void*, int>)&Callbacks.RemoveConnectionId;
        table->DestinationIdStatus =
            (nint)(delegate* unmanaged[Cdecl]<void*, int, ulong, NativeCid*, byte*, void*, int>)
            &Callbacks.DestinationIdStatus;
        table->ReceiveStatelessReset =
            (nint)(delegate* unmanaged[Cdecl]<void*, void*, void*, int>)&Callbacks.StatelessReset;
        table->HandshakeCompleted =
            (nint)(delegate* unmanaged[Cdecl]<void*, void*, int>)&Callbacks.HandshakeCompleted;

        table->StreamOpen = (nint)(delegate* unmanaged[Cdecl]<void*, long, void*, int>)&Callbacks.StreamOpen;
        table->ReceiveStreamData =
            (nint)(delegate* unmanaged[Cdecl]<void*, uint, long, ulong, byte*, nuint, void*, void*, int>)
            &Callbacks.StreamData;
        table->AckedStreamDataOffset =
            (nint)(delegate* unmanaged[Cdecl]<void*, long, ulong, ulong, void*, void*, int>)&Callbacks.Acknowledged;
        table->StreamClose =
            (nint)(delegate* unmanaged[Cdecl]<void*, uint, long, ulong, void*, void*, int>)&Callbacks.StreamClose;
        table->StreamReset =
            (nint)(delegate* unmanaged[Cdecl]<void*, long, ulong, ulong, void*, void*, int>)&Callbacks.StreamReset;
        table->ExtendMaxStreamData =
            (nint)(delegate* unmanaged[Cdecl]<void*, long, ulong, void*, void*, int>)&Callbacks.StreamWindowOpened;
        table->ExtendMaxLocalStreamsBidi =
            (nint)(delegate* unmanaged[Cdecl]<void*, ulong, void*, int>)&Callbacks.MoreStreamsAllowed;
        table->ExtendMaxLocalStreamsUni = table->ExtendMaxLocalStreamsBidi;
        return table;

        nint Crypto(string name) => NativeLibrary.GetExport(library, $"ngtcp2_crypto_{name}_cb");
    }
}
