/// What is known about Python types without importing them.
enum PythonType {
    /// Several names of one type, each with the name used here. Packages export types from where they are not defined.
    private static let aliases: [String: String] = [
        "pyarrow.Table": "pyarrow.lib.Table",
        "pyarrow.Schema": "pyarrow.lib.Schema",
        "pandas.DataFrame": "pandas.core.frame.DataFrame",
        "pandas.Index": "pandas.core.indexes.base.Index",
        "astropy.table.Table": "astropy.table.table.Table",
        "astropy.table.QTable": "astropy.table.table.QTable",
        "lsst.scarlet.lite.io.ScarletModelData": "lsst.scarlet.lite.io.model_data.ScarletModelData",
    ]

    /// The direct supertype of types whose storage classes do not inherit from one another.
    private static let bases: [String: String] = [
        "bool": "int",
        "astropy.table.table.QTable": "astropy.table.table.Table",
        "lsst.daf.base.PropertyList": "lsst.daf.base.PropertySet",
        "lsst.afw.table.BaseCatalog": "lsst.afw.table.Catalog",
        "lsst.afw.table.SimpleCatalog": "lsst.afw.table.BaseCatalog",
        "lsst.afw.table.SourceCatalog": "lsst.afw.table.SimpleCatalog",
        "lsst.afw.table.ExposureCatalog": "lsst.afw.table.BaseCatalog",
        "lsst.afw.detection.PeakCatalog": "lsst.afw.table.BaseCatalog",
    ]

    /// One name for all names of a type: `builtins.` removed, exported names replaced by one of them.
    static func canonicalName(_ name: String) -> String {
        let name = name.hasPrefix("builtins.") ? String(name.dropFirst("builtins.".count)) : name
        return aliases[name] ?? name
    }

    /// The type and its known supertypes, canonical names.
    static func supertypes(of name: String) -> Set<String> {
        var types: Set<String> = ["object"]
        var current: String? = canonicalName(name)
        while let type = current, types.insert(type).inserted { current = bases[type] }
        return types
    }
}
