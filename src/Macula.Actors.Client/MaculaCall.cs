using System.Text;
using System.Text.Json;

namespace Macula.Actors.Client;

/// <summary>A call that an advertised procedure has to answer. Owns its bytes.</summary>
/// <param name="Procedure">The procedure that was called.</param>
/// <param name="Args">What the caller sent, JSON text by custom.</param>
/// <param name="Timeout">How long the caller waits, if it said so. The handler's token is
/// cancelled then.</param>
public sealed record MaculaCall(string Procedure, ReadOnlyMemory<byte> Args, TimeSpan? Timeout)
{
    /// <summary>The arguments as UTF-8; what is not shows as U+FFFD.</summary>
    public string Text => Encoding.UTF8.GetString(Args.Span);

    /// <summary>The arguments read as JSON.</summary>
    /// <exception cref="JsonException">They are none, or do not fit.</exception>
    public T? ReadJson<T>(JsonSerializerOptions? options = null) =>
        JsonSerializer.Deserialize<T>(Args.Span, options);
}
