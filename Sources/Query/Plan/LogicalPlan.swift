import ButlerModel
import Database
import QueryModel
import SkyGeometry

/// A query with everything decided and nothing spelled: what is joined, which rows count, how they become unique, which
/// dataset of several is taken, what is checked afterwards.
struct LogicalPlan: Sendable {
    /// Joined in this order, each on the keys it shares with those before.
    var operands: [JoinOperand]
    /// Holds no spatial overlaps.
    var predicate: Predicate
    /// The dimensions of the joined rows.
    var joinDimensions: DimensionGroup
    /// The columns of result rows, and those that only order or rank them.
    var columns: PlanColumns
    /// The columns that leave the database; no more than `columns`.
    var finalColumns: PlanColumns
    var uniqueness: Uniqueness
    /// Set when several collections may give a dataset for the same data ID and only the first counts.
    var findFirst: FindFirst?
    /// Whether more than one validity range for a data ID is an error.
    var checksValidityRanges: Bool
    var filters: [PlannedFilter]
    var order: [OrderTerm]
    var limit: Int?
    /// Searches that cannot find anything: the result is empty.
    var doomed: [ResolvedSearch]
    /// Keys that rows need not carry, because they follow from records that are held in memory.
    var derivedKeys: [Int: DimensionElement] = [:]
    /// Whether the database must join in the order of the operands.
    var keepsJoinOrder = false
    /// Why the result may be empty, as far as names and summaries tell.
    var messages: [String]

    /// How rows that differ only in what is not in the result become one.
    enum Uniqueness: Sendable {
        /// They are unique already.
        case given
        /// Distinct keys; there are no other columns.
        case distinct
        /// One row for each combination of keys and, for these dataset types, of what tells datasets apart.
        case grouped([GroupKey])
    }

    enum GroupKey: Sendable {
        case dimension(Int)
        case collection(datasetType: String)
        case timespan(datasetType: String)
        case datasetID(datasetType: String)
    }

    struct FindFirst: Sendable {
        var search: ResolvedSearch
        var method: Method

        enum Method: Sendable {
            /// Ranks the rows of each data ID. Needs all rows before it gives the first.
            case window
            /// Takes a row when no earlier collection has a dataset with its data ID.
            case noEarlier
        }
    }

    var isFiltered: Bool { !filters.isEmpty }
    /// A limit that the database cannot apply, because filters come after it.
    var limitAfterFilters: Int? { isFiltered ? effectiveLimit : nil }
    /// Negative limits mean none, as in SQLite.
    var effectiveLimit: Int? { limit.flatMap { $0 < 0 ? nil : $0 } }
}

/// Something that gives rows to a join.
enum JoinOperand: Sendable {
    case overlap(SpatialOverlap)
    /// Data IDs that came with the query, with the required dimensions as columns.
    case upload(DimensionGroup, rows: SQL)
    case materialized(MaterializedRows)
    case datasets(DatasetOperand)
    case element(DimensionElement, columns: Set<Int>)

    struct DatasetOperand: Sendable {
        var search: ResolvedSearch
        var fields: Set<DatasetField>
        /// Whether the key of the collection is read, to rank or to tell rows apart.
        var readsCollection: Bool
        /// Earlier collections must not have a dataset with the same data ID.
        var isFirstOnly = false
        /// Whether few rows are looked up for that, or rows in an order, so that all earlier datasets need not be read.
        var looksUpEach = false
        /// Whether the datasets of all types are walked along an index that has the order of the result.
        var followsOrder = false
        /// Whether a data ID may come once for each collection although no field is read.
        var mayRepeat = false
        /// Which of the collections are read.
        var part = Part.all

        enum Part: Sendable {
            case all
            /// All, in two statements: the first, and then the others.
            case firstAndOthers
            /// All but the first, which may still have earlier datasets.
            case others
        }
    }
}

/// Rows of an earlier query: all keys of the dimensions, and what filters still have to look at.
struct MaterializedRows: Sendable {
    /// A table, or the query itself, for a FROM clause.
    let rows: SQL
    let dimensions: DimensionGroup
    /// Dataset types whose searches constrain these rows already.
    let datasets: Set<String>
    /// Not applied yet; their regions and texts are columns of the rows.
    let filters: [PlannedFilter]
}

/// A ``RegionFilter`` and where it finds the regions.
enum PlannedFilter: Sendable {
    /// Two region columns of the row.
    case overlap(DimensionElement, DimensionElement)
    /// Pairs of regions from several joined rows, in one text under this label.
    case overlapText(label: String, DimensionElement, DimensionElement)
    /// The region of an element against a given one; grouped rows have the union of theirs.
    case within(DimensionElement, Region, isUnion: Bool)

    /// The element regions that are columns of their own.
    var elements: [DimensionElement] {
        switch self {
        case .overlap(let a, let b): [a, b]
        case .overlapText: []
        case .within(let element, _, _): [element]
        }
    }

    static func overlapLabel(_ a: DimensionElement, _ b: DimensionElement) -> String { "\(a)&\(b)" }
}
