import AstroTime
import ButlerModel
import ByteText
import Datastore
import ObjectStorage
import Registry

/// Writes what a ``RepositoryExport`` has saved, in the order of an export file.
struct ExportWriting {
    private var export: RepositoryExport
    private let collections: [ExportFile.Collection]
    private var memberships: SortedSpool<SavedMembership>
    /// Text that is handed on at once.
    private static let chunkSize = 4 << 20

    init(_ export: RepositoryExport) async throws {
        self.export = export
        let (names, ids, types) = (export.collections.map(\.text), export.ids, export.typeNames)
        (collections, memberships) = try await export.butler.registry.read { snapshot in
            var memberships = SortedSpool<SavedMembership>()
            for type in types {
                try snapshot.visitAssociations(of: type, ids: ids, in: names) {
                    try memberships.append(SavedMembership($0))
                }
            }
            return (try snapshot.exportedCollections(names), memberships)
        }
    }

    /// Writes the file, which appears when all of it is there.
    /// - Parameter target: `nil` only to look whether all can be written.
    func write(to target: (store: POSIXObjectStore, path: ObjectPath)?) async throws {
        guard let target else { return try await write { _ in } }
        let upload = try await target.store.upload(target.path, mode: .overwrite, resuming: nil)
        do {
            try await write { try await upload.append($0) }
            _ = try await upload.finish()
        } catch {
            try? await upload.abort()
            throw error
        }
    }

    private func write(to sink: ([UInt8]) async throws -> Void) async throws {
        var writer = ExportFileWriter(universe: export.butler.universe)
        var copy = self
        try await copy.writeRecords(&writer, to: sink)
        for collection in collections { writer.collection(collection) }
        try await copy.writeDatasets(&writer, to: sink)
        try await copy.writeMemberships(&writer, to: sink)
        try await sink(writer.bytes)
    }

    private static func hand(_ writer: inout ExportFileWriter, to sink: ([UInt8]) async throws -> Void) async throws {
        if let text = writer.take(atLeast: chunkSize) { try await sink(text) }
    }

    // MARK: Sections

    private mutating func writeRecords(
        _ writer: inout ExportFileWriter, to sink: ([UInt8]) async throws -> Void
    ) async throws {
        var records = export.records
        var latest: DimensionElement?
        try await records.pages(of: 500) { page in
            guard let element = page.first?.element else { return }
            try writer.records(element, page, continues: element == latest)
            latest = element
            try await Self.hand(&writer, to: sink)
        }
    }

    /// Dataset types in the order of their names, with their datasets, run by run.
    private mutating func writeDatasets(
        _ writer: inout ExportFileWriter, to sink: ([UInt8]) async throws -> Void
    ) async throws {
        var spool = export.files
        var sorted = try spool.sorted()
        var next = try sorted.next()
        for (name, type) in export.types.sorted(by: { $0.key < $1.key }) {
            if next?.ref.datasetType.name != name { writer.datasetType(type) }
            while let first = next, first.ref.datasetType.name == name {
                var isFirst = true
                while next?.isInSection(of: first) == true {
                    let files = try Self.files(from: &next, &sorted)
                    writer.datasets(type, run: first.ref.run, files: files, continues: !isFirst)
                    isFirst = false
                    try await Self.hand(&writer, to: sink)
                }
            }
        }
    }

    /// Some files of one type and run; datasets that share one were saved one after the other.
    private static func files(
        from next: inout SavedFile?, _ sorted: inout SortedItems<SavedFile>
    ) throws -> [ExportFile.File] {
        var files: [ExportFile.File] = []
        var latest: SavedFile?
        while let file = next {
            if let latest, !latest.isInSection(of: file) { break }
            if let latest, latest.path.hasSameBytes(as: file.path), latest.number + 1 == file.number {
                files[files.count - 1].datasets.append(file.dataset)
            } else {
                if files.count == 500 { break }
                files.append(.init(datasets: [file.dataset], path: file.path, formatter: file.formatter))
            }
            latest = file
            next = try sorted.next()
        }
        return files
    }

    private mutating func writeMemberships(
        _ writer: inout ExportFileWriter, to sink: ([UInt8]) async throws -> Void
    ) async throws {
        var sorted = try memberships.sorted()
        var latest: SavedMembership?
        var next = try sorted.next()
        while let first = next {
            var ids: [DatasetID] = []
            while ids.count < 500, let member = next, member.isValid(as: first) {
                ids.append(member.id)
                next = try sorted.next()
            }
            let isSameCollection = latest?.collection.hasSameBytes(as: first.collection) == true
            let isSame = isSameCollection && latest?.timespan == first.timespan
            if let timespan = first.timespan {
                let hasRanges = isSameCollection && latest?.timespan != nil
                try writer.validityRange(
                    .init(collection: first.collection, timespan: timespan, ids: ids),
                    after: isSame ? .sameRange : hasRanges ? .otherRanges : nil)
            } else {
                writer.tags(.init(collection: first.collection, ids: ids), continues: isSame)
            }
            latest = first
            try await Self.hand(&writer, to: sink)
        }
    }
}

extension RegistrySnapshot {
    /// Collections in an order in which they can be made: by name, and chains after their members.
    fileprivate func exportedCollections(_ names: [String]) throws -> [ExportFile.Collection] {
        let infos = try collectionInfo(CollectionSearch(names, includeDocumentation: true))
        var plain: [ExportFile.Collection] = []
        var chains: [ExportFile.Collection] = []
        let names = Set(names: names)
        for info in infos where names.contains(info.name) {
            let collection = ExportFile.Collection(
                name: info.name, type: info.type,
                documentation: info.documentation.isEmpty ? nil : info.documentation, children: info.children)
            if info.type == .chained { chains.append(collection) } else { plain.append(collection) }
        }
        plain.sort { $0.name.precedesInBytes($1.name) }
        chains.sort { $0.name.precedesInBytes($1.name) }
        var waiting = Set(names: chains.map(\.name))
        while !waiting.isEmpty {
            // A chain cannot contain itself, so some chain is always free.
            let free = chains.filter { waiting.contains($0.name) && $0.children.allSatisfy { !waiting.contains($0) } }
            guard !free.isEmpty else { break }
            plain += free
            for chain in free { waiting.remove(chain.name) }
        }
        return plain
    }
}
