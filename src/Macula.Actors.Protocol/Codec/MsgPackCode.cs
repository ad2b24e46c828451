namespace Macula.Actors.Protocol;

/// <summary>Which family the first byte of a MessagePack value belongs to.</summary>
internal static class MsgPackCode
{
    public const byte Nil = 0xc0;
    public const byte EmptyStr = 0xa0;
    public const byte False = 0xc2;
    public const byte True = 0xc3;
    public const byte UInt64 = 0xcf;

    public static bool IsMap(byte code) => code is (>= 0x80 and <= 0x8f) or 0xde or 0xdf;

    public static bool IsArray(byte code) => code is (>= 0x90 and <= 0x9f) or 0xdc or 0xdd;

    public static bool IsStr(byte code) => code is (>= 0xa0 and <= 0xbf) or (>= 0xd9 and <= 0xdb);

    public static bool IsBin(byte code) => code is >= 0xc4 and <= 0xc6;

    public static bool IsList(byte code) => IsArray(code) || code == EmptyStr;

    public static bool IsInt(byte code) =>
        code is <= 0x7f or >= 0xe0 or (>= 0xcc and <= 0xd3);
}
