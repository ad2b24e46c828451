namespace Macula.Actors.Load.Nodes;

/// <summary>One bounded table of the node, as it tells it.</summary>
/// <param name="HighWater">The most there have been since the node's start.</param>
/// <param name="Rejections">By reason.</param>
public sealed record TableFigures(
    long Size, long Limit, long HighWater, long Evicted, long Expired, long Rejected,
    IReadOnlyDictionary<string, long> Rejections);
