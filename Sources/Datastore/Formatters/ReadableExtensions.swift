/// The ends of names of files that Python's formatters agree to take. Sources: the classes' `default_extension` and
/// `supported_extensions` in daf_butler, obs_base (`formatters`), pipe_base and lsst.images.
extension FormatterCatalog {
    private static let fits: Set<String> = [".fits", ".fits.gz", ".fits.fz", ".fz", ".fit"]

    private static let readable: [String: Set<String>] = {
        let butler: [String: Set<String>] = [
            "json.JsonFormatter": [".json"], "yaml.YamlFormatter": [".yaml"], "pickle.PickleFormatter": [".pickle"],
            "parquet.ParquetFormatter": [".parq"],
            // Upstream takes ECSV only, but reads FITS as well, which is how this software writes FITS tables.
            "astropyTable.AstropyTableFormatter": [".ecsv", ".fits", ".fits.gz", ".fit"],
            "packages.PackagesFormatter": packages, "logs.ButlerLogRecordsFormatter": [".json", ".log"],
            "matplotlib.MatplotlibFormatter": [".png"],
        ]
        var known: [String: Set<String>] = [
            "lsst.obs.base.formatters.packages.PackagesFormatter": packages,
            "lsst.pipe.base.formatters.pexConfig.PexConfigFormatter": [".py"],
        ]
        for (name, extensions) in butler { known["lsst.daf.butler.formatters." + name] = extensions }
        for name in ["fitsGeneric.FitsGenericFormatter"]
            + ["Exposure", "Image", "Mask", "MaskedImage"].map({ "fitsExposure.Fits\($0)Formatter" })
        {
            known["lsst.obs.base.formatters." + name] = fits
        }
        for name in ["Generic", "Image", "MaskedImage", "VisitImage", "CellCoadd"] {
            known["lsst.images.formatters.\(name)Formatter"] = [".fits", ".sdf", ".json"]
        }
        return known
    }()

    private static let packages: Set<String> = [".yaml", ".pickle", ".pkl", ".json"]

    /// With their dots; `nil` for a class that is not known here, which may take any file.
    static func readExtensions(_ className: String) -> Set<String>? { readable[className] }

    /// Whether a class takes a file with this extension, as far as is known.
    static func accepts(_ className: String, _ pathExtension: String) -> Bool {
        readable[className]?.contains { pathExtension.hasSuffix($0) } ?? true
    }
}

extension Datastore {
    /// Whether a Python class is one of the known formatters, or configured for some dataset type.
    public func knowsFormatter(_ className: String) -> Bool {
        FormatterCatalog.readExtensions(className) != nil
            || files.contains { $0.formatters.entries.contains { $0.value.className == className } }
    }
}

extension FormatterCatalog {
    /// The write parameters that a class of Python's knows; `nil` for a class that is not known here. Source: repository
    /// format reference, section 6.4.
    private static func writeParameters(_ className: String) -> Set<String>? {
        guard readable[className] != nil else { return nil }
        if className.hasSuffix(".PackagesFormatter") || className.hasSuffix(".AstropyTableFormatter") { return ["format"] }
        if className.hasSuffix(".YamlFormatter") { return ["unsafe_dump"] }
        if className.hasPrefix("lsst.obs.base.formatters.fits") { return ["recipe"] }
        return className.hasPrefix("lsst.daf.butler.") || className.hasPrefix("lsst.pipe.") ? [] : nil
    }

    /// As in Python, what a formatter does not know is an error, because it may be a misspelt name.
    /// - Throws: ``DatastoreError/unwritable(dataset:formatter:reason:)``.
    static func refuseUnknownParameters(_ target: WriteTarget) throws(DatastoreError) {
        guard let known = writeParameters(target.formatter.className) else { return }
        for name in target.formatter.parameters.keys.sorted() where !known.contains(name) {
            throw target.failure(
                "it has no parameter '\(name)'; correct the formatter's parameters in the datastore's configuration"
                    + (known.isEmpty ? "" : ", which may have \(known.sorted().joined(separator: ", "))"))
        }
    }
}
