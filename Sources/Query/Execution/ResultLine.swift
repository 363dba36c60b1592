/// A page of a result in the protocol's form: one line of JSON, with its line break.
public struct ResultLine: Sendable {
    public let text: PageBytes
    public let rowCount: Int

    init(text: PageBytes, rowCount: Int) {
        self.text = text
        self.rowCount = rowCount
    }

    /// A copy of the text.
    public var bytes: [UInt8] { text.withUnsafeBytes { Array($0) } }
}
