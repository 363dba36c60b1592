/// A page of a result in the protocol's form: one line of JSON, with its line break.
public struct ResultLine: Sendable {
    public let bytes: [UInt8]
    public let rowCount: Int

    public init(bytes: [UInt8], rowCount: Int) {
        self.bytes = bytes
        self.rowCount = rowCount
    }
}
