/// One SQL statement with its bound parameters.
///
/// Written as a string literal; every `\(value)` becomes a parameter (`$1`, `$2`, …) and never part of the text, so that
/// no value can change the statement. What must be text says so: `\(identifier:)` quotes a name, `\(unescaped:)` inserts
/// SQL as it is, `\(fragment:)` inserts another query with its parameters.
package struct PostgresQuery: Sendable, Hashable, ExpressibleByStringInterpolation {
    /// The text with its placeholders.
    package private(set) var sql: String
    private(set) var bindings: PostgresBindings
    /// Where the placeholders start in `sql`, as UTF-8 offsets.
    private var placeholders: [Int]

    package init(stringLiteral value: String) {
        sql = value
        bindings = PostgresBindings()
        placeholders = []
    }

    package init(stringInterpolation: StringInterpolation) {
        sql = stringInterpolation.query.sql
        bindings = stringInterpolation.query.bindings
        placeholders = stringInterpolation.query.placeholders
    }

    /// A statement from text that is already SQL, such as a migration; it has no parameters.
    package init(unescaped sql: String) {
        self.init(stringLiteral: sql)
    }

    /// Appends another query; its parameters are numbered after the present ones.
    package mutating func append(_ other: PostgresQuery) {
        var copied = other.sql.utf8.startIndex
        for offset in other.placeholders {
            let start = other.sql.utf8.index(other.sql.utf8.startIndex, offsetBy: offset)
            sql += other.sql[copied..<start]
            appendPlaceholder(number: placeholders.count + 1)
            copied = other.sql.utf8.index(after: start)
            while copied < other.sql.utf8.endIndex, 48...57 ~= other.sql.utf8[copied] {
                copied = other.sql.utf8.index(after: copied)
            }
        }
        sql += other.sql[copied...]
        bindings.append(contentsOf: other.bindings)
    }

    private mutating func appendPlaceholder(number: Int) {
        placeholders.append(sql.utf8.count)
        sql += "$"
        sql += String(number)
    }

    /// Collects the parts of an interpolated literal.
    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var query = PostgresQuery(stringLiteral: "")

        package init(literalCapacity: Int, interpolationCount: Int) {
            query.sql.reserveCapacity(literalCapacity + interpolationCount * 3)
        }

        package mutating func appendLiteral(_ literal: String) { query.sql += literal }

        /// Binds a value.
        package mutating func appendInterpolation<T: PostgresEncodable>(_ value: T) {
            query.appendPlaceholder(number: query.placeholders.count + 1)
            query.bindings.append(value)
        }

        /// Binds a value that may be NULL.
        package mutating func appendInterpolation<T: PostgresEncodable>(_ value: T?) {
            query.appendPlaceholder(number: query.placeholders.count + 1)
            query.bindings.append(value)
        }

        /// Inserts SQL as it is. Never for anything that came from outside.
        package mutating func appendInterpolation(unescaped sql: String) { query.sql += sql }

        /// Inserts the name of a table, column or other object, quoted.
        package mutating func appendInterpolation(identifier name: String) {
            query.sql += "\""
            for character in name.unicodeScalars where character != "\0" {
                if character == "\"" { query.sql += "\"" }
                query.sql.unicodeScalars.append(character)
            }
            query.sql += "\""
        }

        /// Inserts another query together with its parameters.
        package mutating func appendInterpolation(fragment: PostgresQuery) { query.append(fragment) }
    }
}

extension PostgresQuery: CustomStringConvertible {
    /// Neither text nor values: queries may end in logs.
    package var description: String { "PostgresQuery(\(bindings.count) parameters)" }
}
