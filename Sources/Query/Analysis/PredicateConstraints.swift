import ButlerModel
import QueryModel

/// What a predicate says about single dimension values, and the rules about governor dimensions that follow.
///
/// A governor (instrument, skymap) gives meaning to the values of other dimensions: `visit = 5` names a different visit
/// in each instrument. A condition that forgets it gets it from the default data ID, or is an error. Source: query
/// system reference, section 1.8.
struct PredicateConstraints {
    /// With the conditions that the default data ID adds.
    private(set) var predicate: Predicate
    /// Values that all rows must have, by position of the dimension.
    private(set) var dataID: [Int: DataIDValue] = [:]
    /// Reasons why there may be no rows.
    private(set) var messages: [String] = []
    /// Governors that some comparison mentions, whatever it says about them.
    private var mentionedGovernors = DimensionSet()

    init(_ predicate: Predicate) {
        self.predicate = predicate
        for group in predicate.groups {
            for leaf in group { examine(leaf, isAlone: group.count == 1, isNegated: false) }
        }
    }

    private mutating func examine(_ leaf: PredicateLeaf, isAlone: Bool, isNegated: Bool) {
        switch leaf {
        case .not(let operand): examine(operand, isAlone: isAlone, isNegated: true)
        case .comparison(let a, let operation, let b):
            a.forEachColumn { mention($0) }
            b.forEachColumn { mention($0) }
            guard isAlone, operation == (isNegated ? .notEqual : .equal) else { return }
            switch (a, b) {
            case (.column(.dimensionKey(let dimension)), .literal(let literal)),
                (.literal(let literal), .column(.dimensionKey(let dimension))):
                if let value = literal.dataIDValue { constrain(dimension, to: value) }
            default: return
            }
        case .isNull, .isTrue, .inContainer, .inRange, .inQuery: return
        }
    }

    private mutating func mention(_ column: ColumnReference) {
        switch column {
        case .dimensionKey(let dimension) where dimension.isGovernor: mentionedGovernors.insert(dimension.position)
        case .dimensionField(let element, let index) where element.isGovernor && element.columns[index].role == .alternateKey:
            mentionedGovernors.insert(element.position)
        default: return
        }
    }

    private mutating func constrain(_ dimension: DimensionElement, to value: DataIDValue) {
        if let earlier = dataID[dimension.position] {
            guard earlier != value else { return }
            messages.append(
                "'where' expression requires both \(dimension.name)=\(value.quotedDescription) and "
                    + "\(dimension.name)=\(earlier.quotedDescription).")
        } else {
            dataID[dimension.position] = value
        }
    }

    /// Adds `governor = default` wherever the query needs a governor that it does not mention.
    ///
    /// - Parameter defaults: values of governors, by position.
    /// - Throws: `ButlerError` of kind `invalidQuery` when the predicate needs a governor that has no default.
    mutating func applyDefaults(
        _ defaults: [Int: DataIDValue], to tree: QueryTree
    ) throws(ButlerError) {
        let universe = tree.dimensions.universe
        var needed = DimensionSet()
        predicate.forEachColumn { column in
            switch column {
            case .dimensionKey(let dimension) where !dimension.isGovernor:
                needed.formUnion(dimension.requiredSet.intersection(universe.governors))
            case .dimensionField(let element, let index)
            where !element.isGovernor && element.columns[index].role == .alternateKey:
                needed.formUnion(element.requiredSet.intersection(universe.governors))
            default: return
            }
        }
        for position in needed.union(tree.dimensions.governors)
        where dataID[position] == nil && !mentionedGovernors.contains(position) {
            let governor = universe.elements[position]
            if let value = defaults[position] {
                dataID[position] = value
                mentionedGovernors.insert(position)
                predicate = predicate.and(
                    Predicate(
                        try .comparing(.column(.dimensionKey(governor)), .equal, .literal(QueryLiteral(value)))))
            } else if needed.contains(position), tree.validatesGovernors {
                throw ButlerError(
                    .invalidQuery,
                    "Query 'where' expression references a dimension dependent on \(governor) without constraining it "
                        + "directly.")
            }
        }
    }
}
