import ButlerModel

/// The checks that keep two datasets from getting the same path.
extension FileTemplate {
    /// Fields that make paths unique between runs; one of them must be used.
    private static let mandatory: Set<String> = ["run", "id"]
    private static let special: Set<String> = ["run", "id", "datasetType", "component"]

    /// The names that a template uses, by kind.
    private struct FieldUse {
        /// Dimensions, and what looks like one; an attribute counts as its element.
        var dimensions: Set<String> = []
        var special: Set<String> = []

        var all: Set<String> { dimensions.union(special) }
    }

    /// - Parameter known: the elements of a dataset type; of alternatives only the first known one then counts, unless
    ///   none is.
    private func uses(known: Set<String>?) -> (mandatory: FieldUse, optional: FieldUse) {
        var mandatory = FieldUse()
        var optional = FieldUse()
        for field in syntax.fields {
            var names = field.alternatives
            if let known,
                let first = names.first(where: { known.contains($0.primary) || Self.special.contains($0.primary) })
            {
                names = [first]
            }
            for name in names {
                switch (field.isOptional, Self.special.contains(name.text)) {
                case (false, false): mandatory.dimensions.insert(name.primary)
                case (false, true): mandatory.special.insert(name.text)
                case (true, false): optional.dimensions.insert(name.primary)
                case (true, true): optional.special.insert(name.text)
                }
            }
        }
        return (mandatory, optional)
    }

    /// What must hold whatever the dataset type.
    func check() throws(DatastoreError) {
        let (mandatory, optional) = uses(known: nil)
        try check(mandatory, optional) { .invalidTemplate(template: description, reason: $0) }
    }

    /// Whether this template gives different data IDs of a dataset type different paths.
    ///
    /// - Parameter byIdentifier: whether it may do so by the identifiers of datasets alone.
    /// - Throws: ``DatastoreError/unusableTemplate(template:dataset:reason:)``.
    public func validate(for type: DatasetType, byIdentifier: Bool = false) throws(DatastoreError) {
        func failure(_ reason: String) -> DatastoreError {
            .unusableTemplate(template: description, dataset: "dataset type '\(type.name)'", reason: reason)
        }
        let group = type.dimensions
        let (mandatory, optional) = uses(known: Set(group.elements.map(\.name)))
        try check(mandatory, optional, failure)

        if type.isComponent {
            guard mandatory.all.union(optional.all).contains("component") else {
                throw failure("it has no {component}, so the components would overwrite each other")
            }
        } else if mandatory.all.contains("component") {
            throw failure("it needs a component and this is none; write {component:?}")
        }

        var needed = Set(group.requiredNames)
        var allowed = Set(group.names)
        var required = mandatory.dimensions
        var used = required.union(optional.dimensions)
        if let skypix = group.onlySkypix {
            // The alias and the pixelization it stands for count as one.
            func alias(_ names: inout Set<String>) { if names.remove(skypix) != nil { names.insert("skypix") } }
            alias(&needed)
            alias(&allowed)
            alias(&required)
            alias(&used)
            needed.insert("skypix")
            allowed.insert("skypix")
        }
        let unknown = required.subtracting(allowed).sorted()
        guard unknown.isEmpty else {
            throw failure("it needs \(unknown.joined(separator: ", ")), which the dimensions \(group) do not have")
        }
        let unused = needed.subtracting(used).sorted()
        guard unused.isEmpty || byIdentifier && mandatory.special.contains("id") else {
            throw failure("it does not use \(unused.joined(separator: ", ")), so different data IDs would share a file")
        }
    }

    private func check(
        _ mandatory: FieldUse, _ optional: FieldUse, _ failure: (String) -> DatastoreError
    ) throws(DatastoreError) {
        let used = mandatory.all.union(optional.all)
        if used.contains("collection") { throw failure("'collection' is not a field; use 'run'") }
        guard !used.isDisjoint(with: Self.mandatory) else { throw failure("it uses neither {run} nor {id}") }
        guard !mandatory.dimensions.isEmpty || !optional.dimensions.isEmpty || used.contains("id") else {
            throw failure("it uses no dimension; add one, or {id}")
        }
        guard !description.utf8.contains("../") else { throw failure("it holds '../'") }
        if used.contains("id") {
            let start = description.utf8.lastIndex(of: UInt8(ascii: "/")) ?? description.startIndex
            guard description.utf8[start...].contains("{id}") else {
                throw failure("it uses 'id', but not as {id} in the file name")
            }
        }
    }
}

extension Collection<UInt8> {
    /// Whether the bytes of `text` occur in a row. Cost: O(n) times the length of the text, which is short.
    func contains(_ text: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        return indices.contains { self[$0...].starts(with: wanted) }
    }
}
