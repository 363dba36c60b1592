import AstroTime
import ButlerModel
import ByteText

/// Carries what a file of an older universe says over to the universe of a repository.
/// Source: repository format reference, section 8.1; upstream knows the same steps, for its own namespace only.
struct ExportMigration {
    private let universe: DimensionUniverse
    private let version: Int64
    private let isOwnNamespace: Bool
    /// What the user should know, each once.
    private(set) var warnings: [String] = []

    init(from file: ExportFile, to universe: DimensionUniverse) {
        self.universe = universe
        version = file.universeVersion
        isOwnNamespace = file.universeNamespace == "daf_butler"
    }

    static func run(_ file: inout ExportFile, universe: DimensionUniverse) throws -> [String] {
        var migration = ExportMigration(from: file, to: universe)
        try migration.migrate(&file)
        return migration.warnings
    }

    private func isOlder(than version: Int64) -> Bool { isOwnNamespace && self.version < version }

    private func implies(_ element: String, _ dimension: String) -> Bool {
        guard let element = universe.element(element), let dimension = universe.element(dimension) else { return false }
        return element.impliedSet.contains(dimension.position)
    }

    private mutating func migrate(_ file: inout ExportFile) throws {
        guard isOlder(than: 6) else { return }
        let visit = universe.element("visit")
        let derivesVisitDays = isOlder(than: 1) && visit?.columnIndex("day_obs") != nil
        let splitsVisitSystems = isOlder(than: 2) && universe.element("visit_system_membership") != nil
        let makesGroups = implies("exposure", "group")
        let dayElements = ["exposure", "visit"].filter { implies($0, "day_obs") }

        var memberships: [[String: ColumnValue]] = []
        var groups: [[String: ColumnValue]] = []
        var days: [Day: Void] = [:]
        for index in file.records.indices {
            let element = file.records[index].element
            for position in file.records[index].records.indices {
                var record = file.records[index].records[position]
                if element == "visit" {
                    if isOlder(than: 1) { record["seeing"] = nil }
                    if derivesVisitDays { try deriveDay(&record) }
                    if splitsVisitSystems { memberships.append(try Self.membership(&record)) }
                }
                if element == "exposure", makesGroups { groups.append(try Self.group(&record)) }
                if dayElements.contains(element) { days[try Self.day(of: record, element)] = () }
                file.records[index].records[position] = record
            }
        }
        if !memberships.isEmpty {
            file.records.append(.init(element: "visit_system_membership", records: memberships))
        }
        if !groups.isEmpty { file.records.append(.init(element: "group", records: groups)) }
        if !days.isEmpty { addDays(days.keys.sorted(), to: &file) }
        if splitsVisitSystems {
            for index in file.datasetTypes.indices where file.datasetTypes[index].dimensions.contains("visit") {
                file.datasetTypes[index].dimensions.removeAll { $0 == "visit_system" }
            }
        }
    }

    // MARK: Steps

    private struct Day: Hashable, Comparable {
        let instrument: String
        let day: Int64

        static func < (a: Day, b: Day) -> Bool { (a.instrument, a.day) < (b.instrument, b.day) }
    }

    /// The TAI date of the visit's begin. Only the instrument's own code knows at which hour its days begin.
    private mutating func deriveDay(_ record: inout [String: ColumnValue]) throws {
        if case .int? = record["day_obs"] { return }
        guard case .datetime(let begin)? = record["datetime_begin"] else {
            throw ExportFileError.cannotMigrate(
                element: "visit", reason: "it has neither 'day_obs' nor 'datetime_begin', from which that would follow")
        }
        let digits = try begin.text(precision: 0, separator: " ").prefix { $0 != " " }.filter { $0 != "-" }
        record["day_obs"] = Int64(digits).map { .int($0) } ?? .null
        warn("Visits without 'day_obs' got the TAI date of their begin.")
    }

    private static func membership(_ record: inout [String: ColumnValue]) throws -> [String: ColumnValue] {
        guard let system = record.removeValue(forKey: "visit_system"), let instrument = record["instrument"],
            let visit = record["id"]
        else {
            throw ExportFileError.cannotMigrate(
                element: "visit", reason: "it needs 'instrument', 'id' and 'visit_system'")
        }
        return ["instrument": instrument, "visit_system": system, "visit": visit]
    }

    private static func group(_ record: inout [String: ColumnValue]) throws -> [String: ColumnValue] {
        guard let name = record.removeValue(forKey: "group_name"), let instrument = record["instrument"] else {
            throw ExportFileError.cannotMigrate(element: "exposure", reason: "it needs 'instrument' and 'group_name'")
        }
        record["group_id"] = nil
        record["group"] = name
        return ["instrument": instrument, "name": name]
    }

    private static func day(of record: [String: ColumnValue], _ element: String) throws -> Day {
        guard case .string(let instrument)? = record["instrument"], case .int(let day)? = record["day_obs"] else {
            throw ExportFileError.cannotMigrate(element: element, reason: "it needs 'instrument' and 'day_obs'")
        }
        return Day(instrument: instrument, day: day)
    }

    private mutating func addDays(_ days: [Day], to file: inout ExportFile) {
        file.records.append(
            .init(
                element: "day_obs",
                records: days.map { ["instrument": .string($0.instrument), "id": .int($0.day), "timespan": .null] }))
        let names = Set(names: days.map(\.instrument)).sortedTexts().joined(separator: ", ")
        warn("Records of 'day_obs' for \(names) got no timespan: only the instrument's own code knows it.")
    }

    private mutating func warn(_ text: String) {
        if !warnings.contains(text) { warnings.append(text) }
    }
}
