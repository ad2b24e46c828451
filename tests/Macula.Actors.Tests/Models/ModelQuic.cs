using System.Net;
using System.Security.Cryptography.X509Certificates;
using Macula.Actors.Transport;

namespace Macula.Actors.Tests.Models;

/// <summary>A provider for models: what a model completes runs to its end before the model goes on.</summary>
internal sealed class ModelQuic : IQuicProvider
{
    public string Name => "model";

    public QuicSupport Support => new(true, "");

    /// <summary>All so far, in the order in which they were begun.</summary>
    public List<ModelDial> Dials { get; } = [];

    public ValueTask<IQuicListener> ListenAsync(
        QuicListenOptions options, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<IQuicConnection> ConnectAsync(
        QuicConnectOptions options, CancellationToken cancellationToken = default)
    {
        var dial = new ModelDial(options.EndPoint, Dials.Count);
        Dials.Add(dial);
        return new ValueTask<IQuicConnection>(dial.Result.Task);
    }
}

/// <summary>A dial that does not listen to its cancellation, so that its result may be late.</summary>
internal sealed class ModelDial(EndPoint where, int number)
{
    public EndPoint Where => where;

    public TaskCompletionSource<IQuicConnection> Result { get; } = new(); // continues in the one who completes it

    public ModelConnection Connection { get; } = new(number);
}

/// <summary>A connection whose end is noted at once and takes place when the model says so, because the one who lets it
/// go does so on another thread.</summary>
internal sealed class ModelConnection(int number) : IQuicConnection
{
    private readonly TaskCompletionSource<QuicClosed> _closed = new();
    private volatile bool _isLetGo;

    /// <summary>Whether streams are given only when the model says so.</summary>
    public bool IsSlow { get; set; }

    /// <summary>Whether the streams that are asked for from now on end only when the model says so, and until then bring
    /// what the peer says, whatever the node has done to them.</summary>
    public bool Lingers { get; set; }

    /// <summary>What was asked for.</summary>
    public List<ModelOpening> Openings { get; } = [];

    /// <summary>Whether it was asked to close in order.</summary>
    public bool IsClosing { get; private set; }

    /// <summary>Whether its owner has aborted and disposed of it.</summary>
    public bool IsLetGo => _isLetGo;

    public IPEndPoint LocalEndPoint { get; } = new(IPAddress.Loopback, 1);

    public IPEndPoint RemoteEndPoint { get; } = new(IPAddress.Loopback, 2);

    public string ApplicationProtocol => "macula";

    public string? ServerName => null;

    public X509Certificate2? RemoteCertificate => null;

    public Task<QuicClosed> Closed => _closed.Task;

    public ValueTask<IQuicStream> OpenStreamAsync(CancellationToken cancellationToken = default)
    {
        var opening = new ModelOpening(new ModelStream(this, Openings.Count, Lingers));
        Openings.Add(opening);
        if (!IsSlow) opening.Result.SetResult(opening.Stream);
        return new ValueTask<IQuicStream>(opening.Result.Task);
    }

    public ValueTask<IQuicStream> OpenUnidirectionalStreamAsync(CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public ValueTask<IQuicStream> AcceptStreamAsync(CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public ValueTask CloseAsync(long errorCode, string reason = "", CancellationToken cancellationToken = default)
    {
        IsClosing = true;
        return new ValueTask(_closed.Task);
    }

    public void Abort(long errorCode, string reason = "")
    {
    }

    /// <summary>The peer or the network ends it, or its close is done.</summary>
    public void End()
    {
        _closed.TrySetResult(new QuicClosed(QuicTransportError.ConnectionIdle, null, true, "nothing was heard"));
        foreach (var opening in Openings) opening.Stream.End();
    }

    public ValueTask DisposeAsync()
    {
        _isLetGo = true;
        return ValueTask.CompletedTask;
    }

    public override string ToString() => $"connection {number}";
}

internal sealed class ModelOpening(ModelStream stream)
{
    public ModelStream Stream => stream;

    public TaskCompletionSource<IQuicStream> Result { get; } = new();
}
