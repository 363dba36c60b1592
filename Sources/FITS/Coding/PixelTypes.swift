import CFITSIO

/// An element type of images and columns, with cfitsio's codes for it.
protocol FITSElement: BitwiseCopyable, Sendable {
    static var zero: Self { get }
    /// The type in memory.
    static var memoryCode: Int32 { get }
    /// The `bitpix` argument for a new image; the unsigned forms make cfitsio write `BZERO`.
    static var imageCode: Int32 { get }
    /// The letter of a binary table column; the unsigned forms make cfitsio write `TZERO`.
    static var columnCode: String { get }
}

extension Int8: FITSElement {
    static var memoryCode: Int32 { TSBYTE }
    static var imageCode: Int32 { SBYTE_IMG }
    static var columnCode: String { "S" }
}
extension UInt8: FITSElement {
    static var memoryCode: Int32 { TBYTE }
    static var imageCode: Int32 { BYTE_IMG }
    static var columnCode: String { "B" }
}
extension Int16: FITSElement {
    static var memoryCode: Int32 { TSHORT }
    static var imageCode: Int32 { SHORT_IMG }
    static var columnCode: String { "I" }
}
extension UInt16: FITSElement {
    static var memoryCode: Int32 { TUSHORT }
    static var imageCode: Int32 { USHORT_IMG }
    static var columnCode: String { "U" }
}
extension Int32: FITSElement {
    static var memoryCode: Int32 { TINT }
    static var imageCode: Int32 { LONG_IMG }
    static var columnCode: String { "J" }
}
extension UInt32: FITSElement {
    static var memoryCode: Int32 { TUINT }
    static var imageCode: Int32 { ULONG_IMG }
    static var columnCode: String { "V" }
}
extension Int64: FITSElement {
    static var memoryCode: Int32 { TLONGLONG }
    static var imageCode: Int32 { LONGLONG_IMG }
    static var columnCode: String { "K" }
}
extension UInt64: FITSElement {
    static var memoryCode: Int32 { TULONGLONG }
    static var imageCode: Int32 { ULONGLONG_IMG }
    static var columnCode: String { "W" }
}
extension Float: FITSElement {
    static var memoryCode: Int32 { TFLOAT }
    static var imageCode: Int32 { FLOAT_IMG }
    static var columnCode: String { "E" }
}
extension Double: FITSElement {
    static var memoryCode: Int32 { TDOUBLE }
    static var imageCode: Int32 { DOUBLE_IMG }
    static var columnCode: String { "D" }
}
