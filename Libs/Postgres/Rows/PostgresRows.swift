/// The rows that one statement returned. Keeps the server's answer in memory; decoding happens when asked.
package struct PostgresRows: Sendable, RandomAccessCollection {
    let result: ResultHandle

    package var startIndex: Int { 0 }
    package var endIndex: Int { result.rowCount }
    /// The row at that place, from 0.
    package subscript(position: Int) -> PostgresRow {
        precondition(indices.contains(position), "row \(position) of \(count)")
        return PostgresRow(result: result, index: position)
    }

    /// Rows that INSERT, UPDATE, DELETE or SELECT touched; 0 for other commands.
    package var affectedRows: Int { result.affectedRows }

    /// The names of the columns in order.
    package var columnNames: [String] { (0..<result.columnCount).map(result.columnName) }

    /// The columns of the only row expected. Throws `notFound` when there is none.
    package func first<each T: PostgresDecodable>(
        as types: repeat (each T).Type
    ) throws(PostgresError) -> (repeat each T) {
        guard let row = first else { throw PostgresError(.notFound, "the result has no row") }
        return try row.decode(repeat each types)
    }
}

/// One row of a result.
package struct PostgresRow: Sendable {
    let result: ResultHandle
    let index: Int

    /// The value of the column at a position from 0.
    package func decode<T: PostgresDecodable>(_ type: T.Type, at column: Int) throws(PostgresError) -> T {
        guard 0..<result.columnCount ~= column else {
            throw PostgresError(.notFound, "column \(column) of \(result.columnCount)")
        }
        do {
            return try result.withValue(row: index, column: column) { bytes throws(PostgresError) in
                guard let bytes else { return try T.decodeNull() }
                return try T.decode(bytes, type: result.type(of: column))
            }
        } catch {
            throw PostgresError(error.code, "column \(result.columnName(column)): \(error.message)")
        }
    }

    /// The value of the first column with this name (case matters).
    package func decode<T: PostgresDecodable>(_ type: T.Type, named name: String) throws(PostgresError) -> T {
        guard let column = (0..<result.columnCount).first(where: { result.columnName($0) == name }) else {
            throw PostgresError(.notFound, "column \(name)")
        }
        return try decode(type, at: column)
    }

    /// The columns from the first one on, as a tuple: `let (id, name) = try row.decode(Int64.self, String.self)`.
    package func decode<each T: PostgresDecodable>(
        _ types: repeat (each T).Type
    ) throws(PostgresError) -> (repeat each T) {
        var column = 0
        func next<V: PostgresDecodable>(_ type: V.Type) throws(PostgresError) -> V {
            defer { column += 1 }
            return try decode(type, at: column)
        }
        return (repeat try next(each types))
    }

    /// The value of the column at a position from 0.
    package subscript<T: PostgresDecodable>(_ column: Int, as type: T.Type) -> T {
        get throws(PostgresError) { try decode(type, at: column) }
    }

    /// The value of the first column with this name.
    package subscript<T: PostgresDecodable>(_ name: String, as type: T.Type) -> T {
        get throws(PostgresError) { try decode(type, named: name) }
    }
}
