internal import CYaml

/// A YAML text that is read in pieces, so that it need not be in memory as a whole.
public struct YAMLSource {
    /// Its length in bytes.
    public let count: Int
    /// The bytes of a piece that is within the text.
    let read: (_ offset: Int, _ count: Int) throws -> [UInt8]

    public init(count: Int, read: @escaping (_ offset: Int, _ count: Int) throws -> [UInt8]) {
        self.count = count
        self.read = read
    }

    public init(_ bytes: [UInt8]) { self.init(count: bytes.count) { Array(bytes[$0..<($0 + $1)]) } }
}

/// Gives the parser of libyaml what it asks for.
final class YAMLSourceReader {
    private let source: YAMLSource
    private var position = 0
    private var piece: ArraySlice<UInt8> = []
    /// What kept the text from being read.
    private(set) var failure: (any Error)?
    private static let pieceSize = 1 << 17

    init(_ source: YAMLSource) { self.source = source }

    /// Makes a parser read from here. The reader must live as long as the parser does.
    func attach(to parser: UnsafeMutablePointer<yaml_parser_t>) {
        yaml_parser_set_input(
            parser,
            { reader, buffer, size, count in
                guard let reader, let buffer, let count else { return 0 }
                let filled = Unmanaged<YAMLSourceReader>.fromOpaque(reader).takeUnretainedValue().fill(
                    UnsafeMutableRawBufferPointer(start: buffer, count: size))
                count.pointee = filled ?? 0
                return filled == nil ? 0 : 1
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The number of bytes; 0 at the end, `nil` for a failure.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
        do {
            if piece.isEmpty {
                piece = try source.read(position, min(Self.pieceSize, source.count - position))[...]
                position += piece.count
            }
        } catch {
            failure = error
            return nil
        }
        let part = piece.prefix(buffer.count)
        buffer.copyBytes(from: part)
        piece = piece.dropFirst(part.count)
        return part.count
    }

    /// The place of a byte. Cost: what is before it is read once more.
    func position(of offset: Int) -> TextPosition {
        var place = TextPosition(line: 1, column: 1)
        let end = min(offset, source.count)
        for start in stride(from: 0, to: end, by: Self.pieceSize) {
            guard let bytes = try? source.read(start, min(Self.pieceSize, end - start)) else { break }
            place.advance(over: bytes)
        }
        return place
    }
}
