import Butler
import ByteText

/// What has to be known of a table of files before the first is ingested.
struct TableSurvey {
    private(set) var rowCount = 0
    private(set) var fileCount = 0
    /// Whether the rows of each file follow one another.
    private(set) var isGrouped = true

    /// Cost: reads the table once. Memory: a number for each file.
    /// - Throws: ``CommandFailure`` for a row that does not fit.
    init(_ table: ListedTable) throws {
        // A hash that two files share makes the table seem not grouped, which costs memory and nothing else.
        var seen: Set<Int> = []
        var last: ExactName?
        var rows = table.rows
        while let row = try rows.next() {
            rowCount += 1
            let file = ExactName(row[0])
            if file == last { continue }
            last = file
            if seen.insert(file.hashValue).inserted { fileCount += 1 } else { isGrouped = false }
        }
    }
}

/// The files of a table, some at a time, each with all of its datasets.
struct TableFiles: Sendable {
    private var rows: ListedTable.Rows
    private let isGrouped: Bool
    /// The first row of the file after the last.
    private var pending: [String]?
    private var isAtEnd = false

    init(_ table: ListedTable, isGrouped: Bool) {
        rows = table.rows
        self.isGrouped = isGrouped
    }

    /// The next files, `nil` after the last. A table whose rows are not grouped by file is taken at once.
    /// - Parameters:
    ///   - count: how many datasets are enough.
    ///   - read: what a row says.
    mutating func next(_ count: Int, _ read: ([String]) throws -> FileIngest) throws -> [FileIngest]? {
        guard !isAtEnd else { return nil }
        var files: [FileIngest] = []
        var index: [ExactName: Int] = [:]
        var datasets = 0
        while true {
            guard let row = try pending ?? rows.next() else {
                isAtEnd = true
                break
            }
            pending = nil
            if let known = index[row[0]] {
                files[known].datasets += try read(row).datasets
            } else {
                if isGrouped, datasets >= count {
                    pending = row
                    break
                }
                index[row[0]] = files.count
                files.append(try read(row))
            }
            datasets += 1
        }
        return files.isEmpty ? nil : files
    }
}
