import FITS

/// FITS files, whichever Python class wrote them.
///
/// Python reads a FITS dataset through the class that its record names. Of the classes in the Butler package itself
/// only `AstropyTableFormatter` reads FITS, and only tables.
struct FITSFormatter: DatasetFormatter {
    static let extensions: Set<String> = [".fits", ".fit", ".fits.gz", ".fits.fz"]

    func read(_ artifact: Artifact) throws -> DatasetValue {
        do throws(FITSError) {
            switch artifact.content {
            case .file(let path): return .fits(try FITSFile(contentsOf: path))
            case .memory(let bytes): return .fits(try FITSFile(bytes: bytes, name: artifact.name))
            }
        } catch let error {
            throw artifact.failure("\(error)")
        }
    }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        guard case .fits(let file) = value else {
            throw target.failure("the value is \(value.kindName), not FITS data")
        }
        do throws(FITSError) {
            return EncodedArtifact(try file.bytes(name: target.dataset), ".fits")
        } catch let error {
            throw target.failure("\(error)")
        }
    }
}

/// Files that are stored and handed out as they are.
struct OpaqueFormatter: DatasetFormatter {
    func read(_ artifact: Artifact) throws -> DatasetValue {
        switch artifact.content {
        case .file(let path): .opaque(try OpaqueDataset(localPath: path))
        case .memory(let bytes): .opaque(OpaqueDataset(bytes: bytes, pathExtension: artifact.pathExtension))
        }
    }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        guard case .opaque(let file) = value else {
            throw target.failure(
                "only Python can write \(value.kindName) in this format; store a finished file instead")
        }
        return EncodedArtifact(file, fallback: "")
    }
}
