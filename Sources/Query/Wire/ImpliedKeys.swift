import ButlerModel
import Database
import Registry

/// The text of the keys that others imply: the filter and the day of a visit. Rows of one visit come together, so the
/// text of the row before is mostly that of the next, and the columns need not be read.
final class ImpliedKeys {
    private let program: RowProgram
    /// The columns of the required keys from which the others follow; `nil` where they are no columns themselves.
    let columns: [Int]?
    private var keys: KeyTracker
    private var last: [UInt8] = []

    /// - Parameter template: writes the keys.
    init(
        _ template: RowTemplate, of group: DimensionGroup, _ layout: RowLayout, _ snapshot: RegistrySnapshot
    ) throws {
        program = RowProgram(template)
        let determinants = Self.determinants(of: group)
        keys = try KeyTracker(determinants, layout, snapshot)
        columns = determinants.contains { layout.derivedKeys[$0] != nil }
            ? nil : try determinants.map { try layout.require(.key($0)) }
    }

    func write(_ row: any DatabaseRow, to text: inout PageText) throws {
        if try keys.advance(to: row) == 0, !last.isEmpty { return text.append(last) }
        last = []
        let start = text.count
        try writeNew(row, to: &text)
        last = text.bytes(from: start)
    }

    /// Writes the keys without looking whether they are those of the row before.
    func writeNew(_ row: any DatabaseRow, to text: inout PageText) throws {
        try program.write(row, keys: nil, to: &text)
    }

    /// The required keys that determine all implied ones: of a visit and a detector, those of the visit.
    static func determinants(of group: DimensionGroup) -> [Int] {
        var found = DimensionSet()
        var seen = DimensionSet()
        func determine(_ position: Int) {
            guard !seen.contains(position) else { return }
            seen.insert(position)
            if group.required.contains(position) {
                found.insert(position)
            } else if let element = group.elements.first(where: { $0.implied.contains(position) }) {
                element.required.forEach(determine)
            } else {
                group.required.forEach { found.insert($0) }
            }
        }
        group.keys.dropFirst(group.required.count).forEach(determine)
        return group.required.filter { found.contains($0) }
    }
}
