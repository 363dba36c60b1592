import Database

/// Makes pages out of rows, on the connection's thread.
protocol RowWriter<Page>: AnyObject {
    associatedtype Page: Sendable

    /// Adds a row to the current page.
    func append(_ row: any DatabaseRow) throws

    /// The current page, which has had `rowCount` rows appended; the next row begins another one.
    func takePage() -> Page

    /// Whether the page should end although it may hold more rows.
    var isFull: Bool { get }
}

/// The pages of one result.
final class ResultPages<Page: Sendable>: PageProducer {
    /// As upstream: a page is made of at most so many rows of the database.
    static var rowsPerPage: Int { 2000 }

    private let cursor: ResultCursor
    private let writer: any RowWriter<Page>
    private(set) var isAtEnd = false
    /// The number of rows in all pages so far.
    private(set) var rowCount = 0

    init(_ cursor: ResultCursor, _ writer: any RowWriter<Page>) {
        self.cursor = cursor
        self.writer = writer
    }

    func nextPage() throws -> Page? {
        guard !isAtEnd, let row = cursor.row else {
            isAtEnd = true
            return nil
        }
        var count = 0
        while count < Self.rowsPerPage, !writer.isFull {
            guard try cursor.next() else {
                isAtEnd = true
                break
            }
            try writer.append(row)
            count += 1
        }
        rowCount += count
        return count == 0 ? nil : writer.takePage()
    }
}
