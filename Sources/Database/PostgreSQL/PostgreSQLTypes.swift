import CLibPQ

/// The numbers of the types that go over the wire. Source: `pg_type.dat` of PostgreSQL 15.
enum PostgreSQLType {
    static let unknown: Oid = 0
    static let bool: Oid = 16
    static let bytea: Oid = 17
    static let name: Oid = 19
    static let int8: Oid = 20
    static let int2: Oid = 21
    static let int4: Oid = 23
    static let text: Oid = 25
    static let oid: Oid = 26
    static let float4: Oid = 700
    static let float8: Oid = 701
    static let bpchar: Oid = 1042
    static let varchar: Oid = 1043
    static let timestamp: Oid = 1114
    static let numeric: Oid = 1700
    static let uuid: Oid = 2950
    static let int8range: Oid = 3926

    /// The type of arrays of these.
    static func array(of type: Oid) -> Oid {
        switch type {
        case bool: 1000
        case bytea: 1001
        case int2: 1005
        case int4: 1007
        case int8: 1016
        case float8: 1022
        case uuid: 2951
        case int8range: 3927
        default: 1009
        }
    }
}

extension ColumnType {
    /// The type in which values of a column go over the wire.
    var wireType: Oid {
        switch self {
        case .autoincrement, .int: PostgreSQLType.int8
        case .smallInt: PostgreSQLType.int2
        case .int32: PostgreSQLType.int4
        case .double: PostgreSQLType.float8
        case .bool: PostgreSQLType.bool
        case .string, .unlimitedString, .text, .bytes: PostgreSQLType.text
        case .uuid: PostgreSQLType.uuid
        case .blob: PostgreSQLType.bytea
        case .timespan: PostgreSQLType.int8range
        // Their numbers differ between databases, and they have no binary form.
        case .skyPoint, .skyPolygon: PostgreSQLType.unknown
        }
    }
}

extension ColumnType {
    var hasBinaryForm: Bool { self != .skyPoint && self != .skyPolygon }
}

extension SQLValue {
    /// The type in which the value goes over the wire where no column says otherwise; NULL takes any.
    var wireType: Oid {
        switch self {
        case .null: PostgreSQLType.unknown
        case .bool: PostgreSQLType.bool
        case .int: PostgreSQLType.int8
        case .double: PostgreSQLType.float8
        case .text, .bytes: PostgreSQLType.text
        case .blob: PostgreSQLType.bytea
        case .uuid: PostgreSQLType.uuid
        case .timespan: PostgreSQLType.int8range
        }
    }
}
