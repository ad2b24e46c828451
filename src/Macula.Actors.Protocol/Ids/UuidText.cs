namespace Macula.Actors.Protocol;

/// <summary>Ids in the 8-4-4-4-12 form of UUIDs, for logs and tools.</summary>
public static class UuidText
{
    private const int Length = 16;

    /// <summary>The first 16 bytes as a UUID text.</summary>
    /// <exception cref="ArgumentException">Fewer than 16 bytes.</exception>
    public static string Format(ReadOnlySpan<byte> id)
    {
        if (id.Length < Length)
            throw new ArgumentException("A UUID has 16 bytes.", nameof(id));
        return new Guid(id[..Length], bigEndian: true).ToString("D");
    }
}
