import ButlerModel
import ByteText
import Database
import ObjectStorage

extension StagedArtifacts {
    /// The same with other names for files whose names are taken by such as wait for their deletion: those stay what they
    /// are, and where, until their time has come, whatever comes of this operation.
    ///
    /// Looks at datastores in which nothing is declared. Blocks. Cost: a look at each name, and one query for some thousands.
    public func besideWaiting(_ connection: any DatabaseConnection) throws -> StagedArtifacts {
        let done = declared
        var files = files
        var names = Set(names: try files.compactMap { try $0.nameOfTarget })
        for indices in Dictionary(grouping: files.indices, by: { ObjectIdentifier(files[$0].datastore) }).values {
            guard let first = indices.first else { continue }
            let datastore = files[first].datastore
            if done.contains(where: { $0.datastore === datastore }) { continue }
            let taken = try datastore.existing(indices.compactMap { files[$0].placement?.target })
            let waiting = try datastore.recordedFiles(byUse: taken.map(\.description), connection).waiting
            for index in indices {
                guard let target = files[index].placement?.target, waiting.contains(target.description) else { continue }
                var number = 2
                var other = try target.version(number)
                while try names.contains(datastore.nameOfTarget(other)) || !datastore.isFree(other, connection) {
                    number += 1
                    other = try target.version(number)
                }
                names.insert(try datastore.nameOfTarget(other))
                files[index] = files[index].named(other)
            }
        }
        return with(files)
    }

    /// By the recorded path that a file was to have, that which it has now.
    public func renamed(since before: StagedArtifacts) -> [ExactName: String] {
        var renamed: [ExactName: String] = [:]
        for (old, new) in zip(before.files, files) {
            guard let old = old.placement?.target, let new = new.placement?.target, old != new else { continue }
            renamed[old.description] = new.description
        }
        return renamed
    }

    /// The same, with files that are recorded where they are under the names that those have now which are there.
    public func following(_ renamed: [ExactName: String]) throws -> StagedArtifacts {
        guard !renamed.isEmpty else { return self }
        return with(
            try files.map { file in
                guard file.placement == nil, let path = file.rows.first?.info.path,
                    let other = renamed[FileDatastore.file(path)]
                else { return file }
                return file.named(try ObjectPath(other))
            })
    }

    /// Looks whether files that are recorded where they are, on this machine or below a root, are there still.
    ///
    /// - Throws: `ObjectStorageError.notFound`.
    func confirmUnmoved() throws {
        var inside: [ObjectIdentifier: (datastore: FileDatastore, paths: Set<ObjectPath>)] = [:]
        for file in files where file.placement == nil {
            guard let path = file.rows.first?.info.path else { continue }
            switch try ArtifactLocation(recorded: path) {
            case .inside(let object, _):
                inside[ObjectIdentifier(file.datastore), default: (file.datastore, [])].paths.insert(object)
            case .outside(let uri, _):
                if let local = uri.localPath { _ = try LocalFile.size(local) }
            }
        }
        for (datastore, paths) in inside.values {
            let there = try datastore.existing(paths.sorted())
            if let missing = paths.subtracting(there).min() {
                throw ObjectStorageError.notFound(path: try datastore.nameOfTarget(missing))
            }
        }
    }
}

extension StagedFile {
    /// The absolute location that it is to have; `nil` for one that stays where it is.
    fileprivate var nameOfTarget: String? {
        get throws { try placement.map { try datastore.nameOfTarget($0.target) } }
    }
}

extension FileDatastore {
    fileprivate func isFree(_ path: ObjectPath, _ connection: any DatabaseConnection) throws -> Bool {
        try existing([path]).isEmpty && table.recordedFiles([path], connection).isEmpty
    }
}

extension ObjectPath {
    /// The path of another file for the same: `run/image.fits.gz`, `run/image_v2.fits.gz`.
    fileprivate func version(_ number: Int) throws -> ObjectPath {
        let stem = String(description.dropLast(pathExtension.count))
        return try ObjectPath("\(stem)_v\(number)\(pathExtension)")
    }
}
