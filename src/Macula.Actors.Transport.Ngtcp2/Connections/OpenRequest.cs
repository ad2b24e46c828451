using Macula.Actors.Transport.Ngtcp2.Loop;
using Macula.Actors.Transport.Ngtcp2.Streams;

namespace Macula.Actors.Transport.Ngtcp2.Connections;

/// <summary>A caller who wants to open a stream.</summary>
internal sealed class OpenRequest(Session session, bool isUnidirectional) : ILoopWork
{
    private readonly TaskCompletionSource<IQuicStream> _result =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<IQuicStream> Task => _result.Task;

    public bool IsUnidirectional => isUnidirectional;

    public bool IsOver => _result.Task.IsCompleted;

    public void Run()
    {
        if (session.EndFailure is { } failure) Fail(failure);
        else if (session.IsClosing) Fail(Failure.LocallyClosed);
        else session.Streams.Open(this);
    }

    public void Complete(QuicStream stream)
    {
        // The caller may have given up meanwhile.
        if (!_result.TrySetResult(stream)) stream.Abort(QuicAbortDirection.Both, 0);
    }

    public void Fail(Failure failure) => _result.TrySetException(failure.ToException());

    public void Cancel(CancellationToken cancellationToken) => _result.TrySetCanceled(cancellationToken);
}
