extension ObjectStatus {
    /// A size that a service states, in bytes; `nil` for what is none. Sizes that no object can have are none: whoever
    /// takes them for one would compute ranges that end the process.
    static func size(stated text: some StringProtocol) -> Int64? {
        Int64(text).flatMap { (0...1 << 60).contains($0) ? $0 : nil }
    }
}
