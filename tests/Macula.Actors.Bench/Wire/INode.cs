using System.Net;
using Macula.Actors.Transport;

namespace Macula.Actors.Bench.Wire;

/// <summary>A gateway under load, wherever it runs.</summary>
internal interface INode : IAsyncDisposable
{
    IPEndPoint EndPoint { get; }

    string Realm { get; }

    QuicTrust Trust { get; }

    /// <summary>Null when the node shares a process with its clients, so that nobody can tell.</summary>
    Usage? Usage();
}
