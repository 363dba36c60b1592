import ButlerModel
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

    /// Images are compressed as the write recipe says. Files of the observatory's own formatters get provenance.
    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        do {
            var file: FITSFile
            switch value {
            case .fits(let whole): file = whole
            case .image(let content):
                if let problem = ImageClasses.problem(of: content, as: target.storageClass.pytype) {
                    throw target.failure(problem + "; its storage class is \(target.storageClass.name)")
                }
                var recipe = try WriteRecipe(configuredFor: target)
                if target.formatter.className.hasSuffix(".FitsMaskFormatter") { recipe.image = recipe.mask }
                file = try content.file(recipe: recipe)
            default: throw target.failure("the value is \(value.kindName), not FITS data")
            }
            if target.formatter.className.hasPrefix("lsst.obs.base.formatters."), !file.hdus.isEmpty {
                file.hdus[0].header.setProvenance(target.provenance ?? DatasetProvenance(), of: target.ref)
            }
            return EncodedArtifact(try file.bytes(name: target.dataset), ".fits")
        } catch let error as FITSError {
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

/// Files of one extension that Steward only passes on, such as figures.
struct FinishedFileFormatter: DatasetFormatter {
    let pathExtension: String

    func read(_ artifact: Artifact) throws -> DatasetValue { try OpaqueFormatter().read(artifact) }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        guard case .opaque(let file) = value else {
            throw target.failure("the value is \(value.kindName); give a finished \(pathExtension) file")
        }
        let encoded = EncodedArtifact(file, fallback: pathExtension)
        guard encoded.pathExtension == pathExtension else {
            throw target.failure("the file has the extension \(encoded.pathExtension), not \(pathExtension)")
        }
        return encoded
    }
}

/// Text in UTF-8, such as the configuration of a task in Python's syntax.
struct TextFormatter: DatasetFormatter {
    let pathExtension: String

    func read(_ artifact: Artifact) throws -> DatasetValue { .text(try artifact.text()) }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        guard case .text(let text) = value else {
            throw target.failure("the value is \(value.kindName); give text")
        }
        return EncodedArtifact(Array(text.utf8), pathExtension)
    }
}
