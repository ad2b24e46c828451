namespace Macula.Actors.Load.Wire;

/// <summary>A client of any server.</summary>
internal interface IClient : IAsyncDisposable
{
    /// <summary>Goes without a word; the server learns of it at once.</summary>
    void Die();
}
