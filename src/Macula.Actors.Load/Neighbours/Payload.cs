namespace Macula.Actors.Load.Neighbours;

/// <summary>What messages carry: 100 bytes, and in measures of time first when it was due.</summary>
internal static class Payload
{
    public const int Size = 100;

    public static byte[] Create()
    {
        var payload = new byte[Size];
        payload.AsSpan().Fill((byte)'x');
        return payload;
    }
}
