using Macula.Actors.Protocol;

namespace Macula.Actors.Client.Internal;

/// <summary>Replies that say why there is no result, and always fit into a frame.</summary>
internal static class ErrorReply
{
    private const int MaxCode = 128;
    private const int MaxMessage = 1024;

    // A character is at most three bytes: with the longest code it then fits the smallest limit too.
    private const int FramePerCharacter = 8;

    /// <param name="code">Cut after 128 characters.</param>
    /// <param name="message">Cut after 1,024 characters, or fewer if frames are below 8 KiB.</param>
    public static ReplyMessage To(CallId call, string code, string message, MaculaClientOptions options) =>
        ReplyMessage.Failed(
            call, Cut(code, MaxCode), Cut(message, Math.Min(MaxMessage, options.MaxFrameSize / FramePerCharacter)));

    private static string Cut(string text, int most)
    {
        if (text.Length <= most) return text;

        return text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];
    }
}
