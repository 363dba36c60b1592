import FITS
import RepositoryConfiguration
import StructuredData

/// Write recipes of the datastore configuration, `write_recipes`: named sets of compression settings for image, mask and
/// variance. Source: repository format reference, section 6.4.
extension WriteRecipe {
    /// The recipe that the formatter's parameter `recipe` names, or `default`. Without a recipe of the name `default`
    /// nothing is compressed; `null` compresses nothing either.
    ///
    /// - Throws: ``DatastoreError/unwritable(dataset:formatter:reason:)`` for another name without a recipe, and for
    ///   settings that are not known.
    init(configuredFor target: WriteTarget) throws {
        let name = target.formatter.parameters["recipe"]?.stringValue ?? "default"
        guard let settings = target.formatter.recipes[name] else {
            guard name == "default" else {
                let known = target.formatter.recipes.keys.sorted().joined(separator: ", ")
                throw target.failure("there is no write recipe '\(name)'; configure it, or use one of \(known)")
            }
            self = .noCompression
            return
        }
        if settings.isNull {
            self = .noCompression
            return
        }
        let reader = RecipeReader(name: name, target: target)
        self.init(
            image: try reader.plane(settings["image"], "image"), mask: try reader.plane(settings["mask"], "mask"),
            variance: try reader.plane(settings["variance"], "variance"))
    }
}

private struct RecipeReader {
    let name: String
    let target: WriteTarget

    private func failure(_ key: String, _ value: StructuredValue?, _ allowed: String) -> DatastoreError {
        target.failure(
            "write recipe '\(name)' has \(value.map { "\($0)" } ?? "nothing") as \(key); use \(allowed)")
    }

    func plane(_ settings: StructuredValue?, _ key: String) throws -> WriteRecipe.Plane? {
        guard let settings, !settings.isNull else { return nil }
        let algorithm = settings["algorithm"]
        if algorithm?.stringValue == "NONE" { return nil }
        guard let known = algorithm?.stringValue.flatMap({ FITSCompression.Algorithm(rawValue: $0) }) else {
            throw failure("\(key).algorithm", algorithm, names(FITSCompression.Algorithm.allCases) + " or NONE")
        }
        var shape: [Int]?
        if let value = settings["tile_shape"], !value.isNull {
            guard let lengths = value.arrayValue?.compactMap({ $0.intValue.map { Int($0) } }), lengths.count == 2 else {
                throw failure("\(key).tile_shape", value, "a list of rows and columns")
            }
            shape = lengths
        }
        return WriteRecipe.Plane(
            known, quantization: try quantization(settings["quantization"], key + ".quantization"), tileShape: shape)
    }

    private func quantization(_ settings: StructuredValue?, _ key: String) throws -> WriteRecipe.Quantization? {
        guard let settings, !settings.isNull else { return nil }
        let scaling: WriteRecipe.Quantization.Scaling
        switch settings["scaling"]?.stringValue {
        case nil where settings["scaling"] == nil, "STDEV_CFITSIO"?: scaling = .tileNoise
        case "STDEV_MASKED"?:
            let planes = settings["mask_planes"]?.arrayValue?.compactMap(\.stringValue) ?? []
            scaling = .maskedNoise(maskPlanes: planes)
        case "MANUAL"?: scaling = .manual
        default: throw failure("\(key).scaling", settings["scaling"], "STDEV_MASKED, STDEV_CFITSIO or MANUAL")
        }
        guard let level = settings["level"]?.numberValue, level > 0 else {
            throw failure("\(key).level", settings["level"], "a number above zero")
        }
        let dither = settings["dither"]?.stringValue ?? FITSCompression.Dither.none.rawValue
        guard let known = FITSCompression.Dither(rawValue: dither) else {
            throw failure("\(key).dither", settings["dither"], names(FITSCompression.Dither.allCases))
        }
        let seed = settings["seed"]?.intValue ?? 1
        guard (1...10_000).contains(seed) else { throw failure("\(key).seed", settings["seed"], "1 to 10000") }
        return WriteRecipe.Quantization(scaling: scaling, level: Float(level), dither: known, seed: Int(seed))
    }

    private func names(_ all: some Sequence<some RawRepresentable<String>>) -> String {
        all.map(\.rawValue).joined(separator: ", ")
    }
}
