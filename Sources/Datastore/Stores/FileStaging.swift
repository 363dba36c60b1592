import ButlerModel
import Database
import Foundation
import ObjectStorage
import RepositoryConfiguration

/// Bringing existing files into a datastore.
extension FileDatastore {
    /// A file to be brought in, with the datasets that are in it.
    public struct IncomingFile: Sendable {
        /// Absolute, or relative to the root.
        public var location: ResourceURI
        /// With expanded data IDs where a path has to be made.
        public var refs: [DatasetRef]
        /// Python class name; `nil`: what is configured for the first dataset.
        public var formatter: String?

        public init(location: ResourceURI, refs: [DatasetRef], formatter: String?) {
            self.location = location
            self.refs = refs
            self.formatter = formatter
        }
    }

    /// Where a file is.
    enum Place {
        case inside(ObjectPath, local: String)
        case outside(local: String)
        /// On another machine; with its path if that is below the root.
        case remote(ResourceURI, inside: ObjectPath?)

        /// The path below the root, if it is there.
        var path: ObjectPath? {
            switch self {
            case .inside(let path, _): path
            case .outside: nil
            case .remote(_, let path): path
            }
        }

        /// What messages call it: its path on this machine, or its address.
        var name: String {
            switch self {
            case .inside(_, let local), .outside(let local): local
            case .remote(let location, _): location.description
            }
        }
    }

    /// - Throws: `ObjectStorageError` for relative paths that leave the root.
    func place(_ location: ResourceURI) throws -> Place {
        if !location.isAbsolute {
            let path = try ObjectPath(location.path)
            guard isLocal else { return .remote(try root.join(untrusted: path.description), inside: path) }
            return .inside(path, local: try localPath(path))
        }
        let relative = location.withoutFragment.relativePath(to: root).flatMap { $0 == "." ? nil : $0 }
        guard let local = location.localPath else {
            // With repeated slashes or a query it is another object than the one of this path below the root.
            let isPlain = location == location.normalized && location.query.isEmpty
            return .remote(
                location.withoutFragment, inside: try isPlain ? relative.map { try ObjectPath($0) } : nil)
        }
        guard let relative else { return .outside(local: local) }
        return .inside(try ObjectPath(relative), local: local)
    }

    /// Whether a location is below the root.
    public func contains(_ location: ResourceURI) throws -> Bool { try place(location).path != nil }

    /// The path below the root, as it is recorded.
    /// - Throws: ``DatastoreError/notIngestible(location:reason:)`` for a location that is not below the root.
    public func relativePath(of location: ResourceURI) throws -> String {
        guard let path = try place(location).path else {
            throw DatastoreError.notIngestible(location: location.description, reason: "it is not below \(root)")
        }
        return path.description
    }

    /// Brings a file under a staged name, or finds where it is, for the records that it will have. Blocks.
    ///
    /// - Parameters:
    ///   - transfer: anything but `auto`, which is decided for all files of an operation together.
    ///   - recordsAttributes: whether size and, as configured, checksum are recorded.
    ///   - removesSource: whether this datastore is the one that takes the source away in a move.
    /// - Throws: `ObjectStorageError.notFound` when the file is not there.
    func stage(
        _ file: IncomingFile, transfer: ArtifactTransfer, recordsAttributes: Bool, removesSource: Bool,
        _ folders: ResolvedFolder
    ) throws -> StagedFile {
        if transfer == .direct, let staged = try stageMember(file) { return staged }
        let (place, rows) = try plan(file, transfer: transfer)
        return try stage(
            place, rows, transfer: transfer, attributes: recordsAttributes ? .measured : .unknown,
            removesSource: removesSource, folders)
    }

    /// Where a file is, and the records that it will have but for size and checksum. Nothing is read or written.
    func plan(_ file: IncomingFile, transfer: ArtifactTransfer) throws -> (Place, [StagedFile.Row]) {
        guard let first = file.refs.first else {
            throw DatastoreError.notIngestible(location: file.location.description, reason: "it has no dataset")
        }
        guard file.location.zipMember == nil else {
            throw DatastoreError.notIngestible(
                location: file.location.description, reason: "it is a member of an archive; ingest the archive")
        }
        let formatter = try file.formatter ?? formatter(for: first).className
        let place = try place(file.location)
        let path: String
        switch (transfer, place) {
        case (.direct, .inside(_, let local)), (.direct, .outside(let local)):
            path = try ResourceURI(localPath: local).description
        case (.direct, .remote(let location, _)): path = location.description
        case (.inPlace, .inside(let object, _)), (.inPlace, .remote(_, .some(let object))):
            path = object.description
            guard ResourceURI.isStable(path) else {
                throw DatastoreError.notIngestible(
                    location: file.location.description,
                    reason: "Python would look elsewhere, because of a '#', ':', '%' or '~' in its name; rename it")
            }
        case (.inPlace, .outside), (.inPlace, .remote(_, .none)):
            throw DatastoreError.notIngestible(
                location: file.location.description,
                reason: "it is not below \(root); ask for a transfer such as copy, link or direct")
        default:
            // As upstream, only where the file gets a name, in which the formatter will look for what it is.
            let pathExtension = file.location.pathExtension
            guard FormatterCatalog.accepts(formatter, pathExtension) else {
                let readable = FormatterCatalog.readExtensions(formatter) ?? []
                throw DatastoreError.notIngestible(
                    location: file.location.description,
                    reason: "formatter '\(formatter)' takes files with the extension "
                        + "\(readable.sorted().joined(separator: ", ")), not '\(pathExtension)'; name another formatter, or "
                        + "rename the file")
            }
            path = try ArtifactLocation.path(
                try template(for: first).path(for: first), extension: pathExtension
            ).description
        }
        let rows = try file.refs.map { ref in
            let definition = try storageClasses.definition(
                named: ref.datasetType.storageClass, usedBy: "dataset type '\(ref.datasetType.name)'")
            return StagedFile.Row(
                id: ref.id,
                info: StoredFileInfo(formatter: formatter, path: path, storageClass: definition.name))
        }
        return (place, rows)
    }

    /// Where size and checksum come from.
    enum Attributes {
        case measured
        case unknown
        /// As the records hold them already. A file that contradicts them is refused.
        case given
    }

    /// Brings a file to where its records say. Blocks.
    func stage(
        _ place: Place, _ rows: [StagedFile.Row], transfer: ArtifactTransfer, attributes: Attributes,
        removesSource: Bool, _ folders: ResolvedFolder
    ) throws -> StagedFile {
        if case .remote(let location, _) = place {
            return try stage(
                remote: location, place, rows, transfer: transfer, attributes: attributes, removesSource: removesSource)
        }
        let source = place.name
        guard let mode = transfer.mode, let target = try target(of: rows, from: place) else {
            return StagedFile(datastore: self, rows: try measured(rows, attributes, at: source), placement: nil)
        }
        let (found, resolved) = try folders.located(source)
        let identity = FileIdentity(found)
        let staged: StagedFile.Staged
        var isWritten = false
        var isSymbolic = false
        if !isLocal {
            guard mode == .copy || mode == .move else {
                throw DatastoreError.notIngestible(
                    location: source, reason: "there are no links at \(root); ask for the transfer copy or move")
            }
            staged = .linked(resolved, identity)
        } else if [.link, .hardlink, .move].contains(mode), folders.canLink(found, into: try session().directory) {
            staged = .linked(resolved, identity)
        } else {
            let path = try session().newPath()
            isWritten = try stageFile(resolved, at: try localPath(path), mode, target: try localPath(target))
            isSymbolic = mode == .symlink || mode == .relsymlink
            staged = .made(path)
        }
        KillPoint.pass()
        let described: [StagedFile.Row]
        do {
            // What is recorded is what is stored: a copy, or the file itself that links lead to.
            if case .made(let path) = staged, !isSymbolic {
                described = try measured(rows, attributes, at: try localPath(path), named: source)
            } else {
                described = try measured(rows, attributes, at: resolved, named: source, size: identity.size)
            }
        } catch {
            if case .made(let path) = staged { try JournalFiles.remove(try localPath(path)) }
            throw error
        }
        var moved: JournalIntent.MovedSource?
        if mode == .move, removesSource { moved = .init(path: resolved, identity: identity) }
        return StagedFile(
            datastore: self, rows: described,
            placement: .init(staged: staged, target: target, isWritten: isWritten), source: moved)
    }

    /// The name that records give a file; `nil` when it has it already.
    func target(of rows: [StagedFile.Row], from place: Place) throws -> ObjectPath? {
        guard let first = rows.first else { return nil }
        guard case .inside(let target, _) = try ArtifactLocation(recorded: first.info.path) else {
            throw DatastoreError.notIngestible(location: place.name, reason: "its record is not below \(root)")
        }
        guard !target.description.hasPrefix(JournalSession.folderName + "/") else {
            throw DatastoreError.notIngestible(
                location: place.name, reason: "its path leads into the folder of Steward's journal; rename the run")
        }
        return place.path == target ? nil : target
    }

    /// The rows with size and checksum of the file.
    ///
    /// - Parameters:
    ///   - name: what messages call the file; `nil` for its path.
    ///   - size: its bytes, if they have just been looked up.
    /// - Throws: ``DatastoreError/fileIntegrity(path:expected:found:)`` and ``DatastoreError/checksumMismatch(path:)`` for a
    ///   file that contradicts its records; `ObjectStorageError.changedWhileReading` for one that somebody writes to.
    func measured(
        _ rows: [StagedFile.Row], _ attributes: Attributes, at path: String, named name: String? = nil, size: Int64? = nil
    ) throws -> [StagedFile.Row] {
        let name = name ?? path
        let size = try size ?? LocalFile.size(path)
        return try described(rows, attributes, size: size, named: name) {
            let checksum = try LocalFile.checksum(path)
            guard try LocalFile.size(path) == size else { throw ObjectStorageError.changedWhileReading(path: name) }
            return checksum
        }
    }

    /// The rows with what is known of a file. Throws as ``measured(_:_:at:named:)``.
    ///
    /// - Parameter checksum: reads the file.
    func described(
        _ rows: [StagedFile.Row], _ attributes: Attributes, size: Int64, named name: String, checksum: () throws -> String
    ) throws -> [StagedFile.Row] {
        switch attributes {
        case .unknown:
            return rows.map { row in
                var info = row.info
                (info.fileSize, info.checksum) = (-1, nil)
                return StagedFile.Row(id: row.id, info: info)
            }
        case .measured:
            let found = configuration.usesChecksum ? try checksum() : nil
            return rows.map { row in
                var info = row.info
                (info.fileSize, info.checksum) = (size, found)
                return StagedFile.Row(id: row.id, info: info)
            }
        case .given:
            var found: String?
            for info in rows.map(\.info) {
                // What is recorded of a member of an archive says nothing about the archive.
                if try ArtifactLocation(recorded: info.path).member != nil { continue }
                guard info.fileSize < 0 || info.fileSize == size else {
                    throw DatastoreError.fileIntegrity(path: name, expected: info.fileSize, found: size)
                }
                guard let recorded = info.checksum, !recorded.isEmpty else { continue }
                found = try found ?? checksum()
                guard recorded == found else { throw DatastoreError.checksumMismatch(path: name) }
            }
            return rows
        }
    }

    /// A link is made here, not under its final name: there it could not be told from another client's that leads to the
    /// same file.
    /// - Returns: whether the content was copied.
    private func stageFile(_ resolved: String, at local: String, _ mode: TransferMode, target: String) throws -> Bool {
        func copy() throws -> Bool {
            try LocalFile.copy(resolved, to: local)
            return true
        }
        switch mode {
        case .copy: return try copy()
        case .move:
            // The source keeps its name until the datasets are recorded.
            do {
                try LocalFile.hardLink(resolved, at: local)
                return false
            } catch ObjectStorageError.linkImpossible { return try copy() }
        case .hardlink: try LocalFile.hardLink(resolved, at: local)
        case .link:
            do {
                try LocalFile.hardLink(resolved, at: local)
            } catch ObjectStorageError.linkImpossible { try LocalFile.symbolicLink(resolved, at: local) }
        case .symlink: try LocalFile.symbolicLink(resolved, at: local)
        case .relsymlink:
            let folder = try JournalFiles.resolvedInTime(JournalFiles.folder(of: target))
            try LocalFile.symbolicLink(LocalFile.relativeTarget(of: resolved, from: folder), at: local)
        }
        return false
    }
}

extension ArtifactTransfer {
    /// What happens to the file; `nil` when nothing does.
    var mode: TransferMode? {
        switch self {
        case .auto, .direct, .inPlace: nil
        case .link: .link
        case .symlink: .symlink
        case .hardlink: .hardlink
        case .copy: .copy
        case .move: .move
        case .relsymlink: .relsymlink
        }
    }
}

extension ResourceURI {
    /// Whether a relative path, recorded as it is, is read back as itself.
    static func isStable(_ path: String) -> Bool {
        guard let uri = try? ResourceURI(path) else { return false }
        return !uri.isAbsolute && uri.fragment.isEmpty && uri.path == path
            && ArtifactLocation.expansion(in: path) == nil
    }
}

extension FileDatastore {
    /// Whether the file of a recorded path has the content of another file. Blocks; reads both when they are of one size.
    public func hasCopy(of source: ResourceURI, recordedAs path: String) throws -> Bool {
        guard case .inside(let object, _) = try ArtifactLocation(recorded: path) else { return false }
        guard isLocal, let source = source.localPath else { return try hasRemoteCopy(of: source, at: object) }
        let own = try localPath(object)
        if LocalFile.isSame(source, own) { return true }
        guard LocalFile.exists(own), try LocalFile.size(source) == LocalFile.size(own) else { return false }
        return try LocalFile.checksum(source) == LocalFile.checksum(own)
    }
}
