/// How far a primary is, and whose that is.
struct PostgreSQLPosition: Sendable {
    /// In the write-ahead log: `0/3000060`.
    let log: String
    /// The number that a cluster and all copies of it have; `nil` where the user may not know it.
    let system: String?
    /// What a recovery or promotion changes, as in the names of the log's files: `00000001`.
    let timeline: String?
    /// The database and the schema.
    let place: [String]
}

/// What a server has of a primary.
enum PostgreSQLFollowing: Sendable {
    case current, behind
    /// It goes, or has gone, another way than the primary.
    case stranger(reason: String)
}

extension PostgreSQLClient {
    /// How far the write-ahead log of a primary goes; `nil` for a server that follows another.
    func logPosition() async throws -> PostgreSQLPosition? {
        try await read { connection in
            let system = try Self.systemIdentifier(connection)
            let isAllowed = try Self.mayExecute("pg_walfile_name(pg_lsn)", connection)
            let timeline: SQL = isAllowed ? "left(pg_walfile_name(pg_current_wal_lsn()), 8)" : "NULL::text"
            let isReplica = try connection.fetchOne("SELECT pg_is_in_recovery()") { try $0.bool(0) } ?? true
            guard !isReplica else { return nil }
            let place = try Self.place(connection)
            return try connection.fetchOne("SELECT pg_current_wal_lsn()::text, \(timeline)") { row in
                PostgreSQLPosition(
                    log: try row.text(0), system: system, timeline: row.isNull(1) ? nil : try row.text(1), place: place)
            } ?? nil
        }
    }

    /// How far a server that follows another has come.
    func replayedPosition() async throws -> String? {
        try await read { connection in
            try connection.fetchOne("SELECT pg_last_wal_replay_lsn()::text") { $0.isNull(0) ? nil : try $0.text(0) } ?? nil
        }
    }

    /// What a server has of a primary.
    ///
    /// - Parameters:
    ///   - position: where the primary was a moment ago.
    ///   - before: where this server was before that: no follower is ahead of what it follows.
    func following(_ position: PostgreSQLPosition, since before: String?) async throws -> PostgreSQLFollowing {
        try await read { connection in
            let system = try Self.systemIdentifier(connection)
            if let system, let other = position.system, system != other {
                return .stranger(reason: "it is of another cluster")
            }
            let place = try Self.place(connection)
            guard place == position.place else {
                return .stranger(
                    reason: "it is opened with \(place.joined(separator: ", ")), and the primary with "
                        + position.place.joined(separator: ", "))
            }
            // Who may not see it finds no timeline. One that reads an archive has none.
            let state = try connection.fetchOne(
                """
                SELECT pg_is_in_recovery(), COALESCE(pg_last_wal_replay_lsn() >= \(value: .text(position.log))::pg_lsn, FALSE), \
                COALESCE(\(value: .text(before ?? "0/0"))::pg_lsn > \(value: .text(position.log))::pg_lsn, FALSE), \
                (SELECT lpad(upper(to_hex(received_tli)), 8, '0') FROM pg_stat_wal_receiver)
                """
            ) { (try $0.bool(0), try $0.bool(1), try $0.bool(2), $0.isNull(3) ? nil : try $0.text(3)) }
            // One that has been made a primary goes its own way.
            guard let (isReplica, hasAll, isAhead, timeline) = state, isReplica else { return .behind }
            if isAhead { return .stranger(reason: "it has more than the primary, which may have been restored") }
            if let timeline, let other = position.timeline, timeline != other {
                return .stranger(reason: "it has timeline \(timeline), and the primary \(other)")
            }
            return hasAll ? .current : .behind
        }
    }

    private static func place(_ connection: any DatabaseConnection) throws -> [String] {
        let database = try connection.fetchOne("SELECT current_database()::text") { try $0.text(0) } ?? ""
        return ["database '\(database)'", "schema '\(connection.dialect.schema ?? "")'"]
    }

    private static func systemIdentifier(_ connection: any DatabaseConnection) throws -> String? {
        guard try mayExecute("pg_control_system()", connection) else { return nil }
        return try connection.fetchOne("SELECT system_identifier::text FROM pg_control_system()") { try $0.text(0) }
    }

    private static func mayExecute(_ function: String, _ connection: any DatabaseConnection) throws -> Bool {
        try connection.fetchOne(
            "SELECT has_function_privilege(\(value: .text("pg_catalog." + function)), 'EXECUTE')"
        ) { try $0.bool(0) } ?? false
    }
}
