import ButlerModel
import Database
import QueryModel
import SkyGeometry

/// The rows of a result as they come: those of the statement, without those that exact filters remove, up to the limit.
final class ResultCursor {
    let layout: RowLayout
    /// `nil` for a result that is known to be empty.
    private let cursor: (any DatabaseCursor)?
    /// The row at which the cursor stands; `nil` for a result that is known to be empty.
    let row: (any DatabaseRow)?
    private let filters: [RowFilter]
    private let matchCount: Int?
    private var remaining: Int

    init(_ cursor: any DatabaseCursor, layout: RowLayout, plan: LogicalPlan) throws {
        self.cursor = cursor
        row = cursor.row
        self.layout = layout
        filters = try plan.filters.map { try RowFilter($0, layout) }
        matchCount = plan.checksValidityRanges ? try layout.require(.matchCount) : nil
        remaining = plan.limitAfterFilters ?? .max
    }

    private init(empty layout: RowLayout) {
        self.layout = layout
        cursor = nil
        row = nil
        filters = []
        matchCount = nil
        remaining = 0
    }

    static func empty(_ layout: RowLayout) -> ResultCursor { ResultCursor(empty: layout) }

    /// Passes over rows; cost O(count).
    /// - Returns: how many there were.
    func skip(_ count: Int) throws -> Int {
        var skipped = 0
        while skipped < count, try next() { skipped += 1 }
        return skipped
    }

    /// Goes to the next row; false after the last.
    /// - Throws: `ButlerError` of kind `calibrationLookup` when several validity ranges match a data ID.
    func next() throws -> Bool {
        guard let cursor, let row else { return false }
        while remaining > 0, try cursor.step() {
            if !filters.isEmpty, try !filters.allSatisfy({ try $0.accepts(row) }) { continue }
            if let matchCount, try row.int(matchCount) > 1 {
                throw ButlerError(
                    .calibrationLookup,
                    "Ambiguous calibration validity range match. This usually means a temporal join or 'where' needs to "
                        + "be added, but it could also mean that multiple validity ranges overlap a single output data "
                        + "ID.")
            }
            remaining -= 1
            return true
        }
        cursor.finish()
        remaining = 0
        return false
    }
}

/// A filter on the regions of a row. Regions of earlier rows are kept decoded while they repeat.
private final class RowFilter {
    private enum Operands {
        case overlap(Int, Int)
        case overlapText(Int)
        case within(Int, Region)
    }

    private let operands: Operands
    private var cache: [String: Region] = [:]
    private static let cacheLimit = 512

    init(_ filter: PlannedFilter, _ layout: RowLayout) throws {
        switch filter {
        case .overlap(let a, let b):
            operands = .overlap(
                try layout.require(SelectStatement.regionColumn(a)), try layout.require(SelectStatement.regionColumn(b)))
        case .overlapText(let label, _, _): operands = .overlapText(try layout.require(.overlapText(label: label)))
        case .within(let element, let region, let isUnion):
            let column: ResultColumn =
                isUnion ? .regionUnion(element: element.position) : SelectStatement.regionColumn(element)
            operands = .within(try layout.require(column), region)
        }
    }

    /// A row without a region overlaps nothing.
    func accepts(_ row: any DatabaseRow) throws -> Bool {
        switch operands {
        case .overlap(let a, let b):
            guard let left = try region(row, a), let right = try region(row, b) else { return false }
            return left.overlaps(right) != .no
        case .overlapText(let column):
            return try Overlap(expression: try row.optionalText(column) ?? "") != .no
        case .within(let column, let given):
            guard let region = try region(row, column) else { return false }
            return region.overlaps(given) != .no
        }
    }

    private func region(_ row: any DatabaseRow, _ column: Int) throws -> Region? {
        guard let text = try row.optionalText(column) else { return nil }
        if let known = cache[text] { return known }
        let region = try Region(base64: text)
        if cache.count >= Self.cacheLimit { cache.removeAll(keepingCapacity: true) }
        cache[text] = region
        return region
    }
}
