import ButlerModel
import ByteText
import Datastore
import ObjectStorage
import Synchronization

/// The files that an export file names, in its order: some thousands in memory, the others in a file without a name.
///
/// Filled by one thread, then read by any. Blocks. Memory: a page, and some bytes for each other one.
public final class ExportedFiles: Sendable {
    /// A file, and the number of the section that it is in.
    typealias Entry = (section: Int, file: ExportFile.File)

    private struct State {
        var pages: [Range<Int64>] = []
        /// The last page.
        var writer = PackedWriter()
        var count = 0
        var spool: SpoolFile?
        /// Names of dimensions and formatters, which are the same in most files.
        var words: [String] = []
        var numberOfWord: [ExactName: Int] = [:]

        mutating func number(_ word: String) -> Int {
            if let known = numberOfWord[word] { return known }
            words.append(word)
            numberOfWord[word] = words.count - 1
            return words.count - 1
        }
    }

    private let state = Mutex(State())
    private let pageSize: Int

    /// - Parameter pageSize: the most files in a page.
    init(pageSize: Int = BatchSpool.batchSize) { self.pageSize = pageSize }

    var pageCount: Int { state.withLock { $0.pages.count + ($0.count > 0 ? 1 : 0) } }

    /// - Throws: `ObjectStorageError` when there is no room.
    func append(_ file: ExportFile.File, section: Int) throws {
        try state.withLock { state in
            if state.count == pageSize {
                let spool = try state.spool ?? SpoolFile.nameless()
                state.spool = spool
                state.pages.append(try spool.append(state.writer.bytes))
                state.writer = PackedWriter()
                state.count = 0
            }
            state.count += 1
            state.writer.write(section)
            state.writer.write(file.path)
            state.writer.write(file.formatter.map { state.number($0) } ?? -1)
            state.writer.write(file.datasets.count)
            for dataset in file.datasets {
                state.writer.write(dataset.id)
                state.writer.write(dataset.dataID.count)
                for (name, value) in dataset.dataID {
                    state.writer.write(state.number(name))
                    state.writer.write(value)
                }
            }
        }
    }

    /// - Throws: `ObjectStorageError.changedWhileReading` when the file is damaged.
    func page(_ number: Int) throws -> [Entry] {
        let (range, spool, bytes, words) = state.withLock { state in
            number < state.pages.count
                ? (state.pages[number], state.spool, [], state.words) : (nil, nil, state.writer.bytes, state.words)
        }
        let page = if let range, let spool { spool.read(range) } else { bytes }
        do {
            var reader = PackedReader(page)
            var entries: [Entry] = []
            while !reader.isAtEnd { entries.append(try Self.entry(&reader, words)) }
            return entries
        } catch is PackedReader.Damage {
            throw ObjectStorageError.changedWhileReading(path: spool?.path ?? "")
        }
    }

    private static func entry(_ reader: inout PackedReader, _ words: [String]) throws(PackedReader.Damage) -> Entry {
        func word(_ number: Int) throws(PackedReader.Damage) -> String {
            guard words.indices.contains(number) else { throw PackedReader.Damage() }
            return words[number]
        }
        let section = try reader.int()
        let path = try reader.optionalText()
        let formatter = try reader.int()
        var datasets: [ExportFile.File.Dataset] = []
        for _ in 0..<max(0, try reader.int()) {
            let id = try reader.id()
            let count = max(0, try reader.int())
            var dataID: [String: DataIDValue] = [:]
            for _ in 0..<count {
                let name = try word(try reader.int())
                dataID[name] = try reader.value()
            }
            datasets.append(.init(id: id, dataID: dataID))
        }
        return (section, .init(datasets: datasets, path: path, formatter: formatter < 0 ? nil : try word(formatter)))
    }
}
