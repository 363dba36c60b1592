extension Schema {
    /// The tables by `tap:table_index`; those without one come last, in the order of the file.
    public var tablesInServiceOrder: [Table] {
        tables.enumerated().sorted { a, b in
            (a.element.tableIndex ?? Int.max, a.offset) < (b.element.tableIndex ?? Int.max, b.offset)
        }.map(\.element)
    }
}

extension Table {
    /// The columns by `tap:column_index`; those without one come last, in the order of the file.
    public var columnsInServiceOrder: [Column] {
        columns.enumerated().sorted { a, b in
            (a.element.columnIndex ?? Int.max, a.offset) < (b.element.columnIndex ?? Int.max, b.offset)
        }.map(\.element)
    }
}
