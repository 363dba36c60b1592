import StructuredData

/// The language as a JSON Schema (draft 2020-12), by which editors complete and check files as they are written.
public enum LanguageSchema {
    public static var json: String {
        var writer = JSONWriter(options: .init(style: .pretty))
        writer.value(value)
        return writer.text + "\n"
    }

    static var value: StructuredValue {
        .object([
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Felis schema",
            "$defs": .object([
                "table": object(table, required: ["name"]), "column": object(column, required: ["name", "datatype"]),
                "constraint": .object(["oneOf": .array(constraints)]),
                "index": object(index, required: ["name"]), "group": object(group, required: ["name", "columns"]),
                "reference": .object([
                    "type": ["object", "null"],
                    "properties": .object(["ref_name": text, "overrides": object(overrides, required: [])]),
                ]),
            ]),
            "type": "object", "properties": .object(schema), "required": ["name", "tables"],
            "additionalProperties": false,
        ])
    }

    // MARK: Kinds of values

    private static let text: StructuredValue = ["type": "string"]
    private static let optionalText: StructuredValue = ["type": ["string", "null"]]
    private static let integer: StructuredValue = ["type": ["integer", "null"]]
    private static let flag: StructuredValue = ["type": ["integer", "null"], "minimum": 0, "maximum": 1]
    private static let ids: StructuredValue = ["type": "array", "items": ["type": "string"]]
    private static let someIDs: StructuredValue = ["type": "array", "items": ["type": "string"], "minItems": 1]

    private static func list(_ name: String) -> StructuredValue {
        ["type": "array", "items": ["$ref": .string("#/$defs/\(name)")]]
    }

    private static func choice(_ names: [String]) -> StructuredValue { ["enum": .array(names.map { .string($0) })] }

    private static func object(_ properties: StructuredMapping, required: [String]) -> StructuredValue {
        [
            "type": "object", "properties": .object(properties), "required": .array(required.map { .string($0) }),
            "additionalProperties": false,
        ]
    }

    private static func properties(_ pairs: [(String, StructuredValue)]) -> StructuredMapping {
        StructuredMapping(pairs)
    }

    private static func common(_ more: [(String, StructuredValue)]) -> StructuredMapping {
        StructuredMapping(
            [("name", text), ("@id", text), ("description", optionalText), ("votable:utype", optionalText)] + more)
    }

    // MARK: Objects

    private static let schema = common([
        (
            "version",
            ["anyOf": [["type": ["string", "null"]], object(version, required: ["current"])]]
        ),
        (
            "resources",
            [
                "type": "object",
                "additionalProperties": ["type": "object", "properties": ["uri": text], "required": ["uri"]],
            ]
        ),
        ("tables", list("table")),
    ])

    private static let version = properties([("current", text), ("compatible", ids), ("read_compatible", ids)])

    private static let table = common([
        ("primaryKey", ["anyOf": [optionalText, ids]]), ("tap:table_index", integer), ("mysql:engine", optionalText),
        ("mysql:charset", optionalText),
        (
            "columnRefs",
            [
                "type": "object",
                "additionalProperties": [
                    "type": "object",
                    "additionalProperties": [
                        "type": "object", "additionalProperties": ["$ref": "#/$defs/reference"],
                    ],
                ],
            ]
        ),
        ("columns", list("column")), ("columnGroups", list("group")), ("constraints", list("constraint")),
        ("indexes", list("index")),
    ])

    private static let datatype = choice(Datatype.allCases.map(\.rawValue))

    private static let column = common([
        ("datatype", datatype), ("length", ["type": ["integer", "null"], "exclusiveMinimum": 0]),
        ("precision", ["type": ["integer", "null"], "minimum": 0]), ("nullable", ["type": "boolean"]),
        ("value", ["type": ["string", "number", "boolean", "null"]]), ("autoincrement", ["type": ["boolean", "null"]]),
        ("ivoa:ucd", optionalText), ("fits:tunit", optionalText), ("ivoa:unit", optionalText),
        ("tap:column_index", integer), ("tap:principal", flag),
        ("votable:arraysize", ["type": ["string", "integer", "null"]]), ("tap:std", flag),
        ("votable:xtype", optionalText),
        ("votable:datatype", optionalText), ("mysql:datatype", optionalText), ("postgresql:datatype", optionalText),
    ])

    private static let overrides = properties([
        ("datatype", datatype), ("length", ["type": "integer"]), ("description", optionalText),
        ("nullable", ["type": "boolean"]), ("tap:principal", integer), ("tap:column_index", integer),
    ])

    private static let members: StructuredValue = [
        "type": "array", "minItems": 1, "items": ["anyOf": [["type": "string"], ["$ref": "#/$defs/column"]]],
    ]

    private static let group = common([
        ("columns", members),
        ("ivoa:ucd", optionalText),
    ])

    private static let index = common([("columns", ids), ("expressions", ids)])

    private static let constraints: [StructuredValue] = {
        let moment = choice(Constraint.Initially.allCases.map(\.rawValue))
        let action = choice(Constraint.Action.allCases.map(\.rawValue))
        func constraint(_ type: String, _ more: [(String, StructuredValue)], required: [String]) -> StructuredValue {
            object(
                common(
                    [("@type", ["const": .string(type)]), ("deferrable", ["type": "boolean"]), ("initially", moment)]
                        + more),
                required: ["name", "@type"] + required)
        }
        return [
            constraint("Unique", [("columns", ids)], required: ["columns"]),
            constraint("Check", [("expression", text)], required: ["expression"]),
            constraint(
                "ForeignKey",
                [("columns", someIDs), ("referencedColumns", someIDs), ("on_delete", action), ("on_update", action)],
                required: ["columns", "referencedColumns"]),
        ]
    }()
}
