import CLibPQ

/// The result of a statement, in the client library's memory.
final class PostgreSQLResult {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    var status: ExecStatusType { PQresultStatus(pointer) }
    var rowCount: Int { Int(PQntuples(pointer)) }
    var columnCount: Int { Int(PQnfields(pointer)) }

    var hasFailed: Bool {
        status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_PIPELINE_ABORTED
    }

    /// The number of rows that the statement changed or returned.
    var changedRows: Int { PQcmdTuples(pointer).flatMap { Int(String(cString: $0)) } ?? 0 }

    /// What the statement did, such as `COMMIT`.
    var tag: String { PQcmdStatus(pointer).map { String(cString: $0) } ?? "" }

    /// A field of an error, by its letter in the protocol.
    func field(_ letter: Character) -> String? {
        guard let code = letter.asciiValue else { return nil }
        return PQresultErrorField(pointer, Int32(code)).map { String(cString: $0) }
    }

    var message: String { PostgreSQLErrors.oneLine(String(cString: PQresultErrorMessage(pointer))) }

    /// A value as the text in which results of simple statements come.
    func text(row: Int = 0, column: Int = 0) -> String? {
        guard row < rowCount, PQgetisnull(pointer, Int32(row), Int32(column)) == 0 else { return nil }
        return PQgetvalue(pointer, Int32(row), Int32(column)).map { String(cString: $0) }
    }
}
