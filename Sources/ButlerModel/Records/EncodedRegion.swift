import SkyGeometry

/// A region on the sky in its stored byte form, decoded on demand.
///
/// Most regions only pass through (database to wire); decoding them all would cost more than everything else.
public struct EncodedRegion: Hashable, Sendable {
    public let bytes: [UInt8]

    /// Bytes as stored or received; they are checked when decoded.
    public init(bytes: [UInt8]) { self.bytes = bytes }

    public init(_ region: Region) { bytes = region.encoded() }

    /// - Throws: `RegionDecodingError` when the bytes are no region. Cost: O(bytes).
    public func decoded() throws -> Region { try Region(decoding: bytes) }
}
