import StructuredData

/// One difference between two schemas.
public struct SchemaChange: Sendable, Hashable {
    public enum Kind: String, Sendable {
        case added, removed, renamed, changed
    }

    /// What differs.
    public enum Object: String, Sendable {
        case schema, table, column, group, constraint, index
    }

    public var kind: Kind
    public var object: Object
    /// The table that the object is in; `nil` for the schema and for tables.
    public var table: String?
    /// The name of the object, in the newer schema if both have it.
    public var name: String
    /// The key whose value differs, for `changed`.
    public var field: String?
    public var old: StructuredValue?
    public var new: StructuredValue?

    public init(
        kind: Kind, object: Object, table: String? = nil, name: String, field: String? = nil,
        old: StructuredValue? = nil, new: StructuredValue? = nil
    ) {
        self.kind = kind
        self.object = object
        self.table = table
        self.name = name
        self.field = field
        self.old = old
        self.new = new
    }

    /// `table.column`.
    public var place: String { table.map { "\($0).\(name)" } ?? name }
}

extension SchemaChange: CustomStringConvertible {
    /// `changed column Object.ra datatype: float → double`
    public var description: String {
        switch kind {
        case .added: "added \(object.rawValue) \(place)"
        case .removed: "removed \(object.rawValue) \(place)"
        case .renamed: "renamed \(object.rawValue) \(table.map { "\($0)." } ?? "")\(Self.text(old)) → \(name)"
        case .changed: "changed \(object.rawValue) \(place) \(field ?? ""): \(Self.text(old)) → \(Self.text(new))"
        }
    }

    static func text(_ value: StructuredValue?) -> String {
        switch value {
        case nil, .null: "none"
        case .string(let text): text
        case .some(let value): value.description
        }
    }

    public var structured: StructuredValue {
        var result = StructuredMapping([("kind", .string(kind.rawValue)), ("object", .string(object.rawValue))])
        if let table { result["table"] = .string(table) }
        result["name"] = .string(name)
        if let field { result["field"] = .string(field) }
        if kind == .changed || kind == .renamed {
            result["old"] = old ?? .null
            result["new"] = new ?? .null
        } else if let definition = kind == .added ? new : old {
            // What a database knows of it.
            result["definition"] = definition
        }
        return .object(result)
    }
}
