import Testing

@testable import Postgres

@Suite struct QueryTests {
    @Test func valuesBecomePlaceholders() {
        let query: PostgresQuery = "SELECT a FROM t WHERE b = \(1) AND c = \("x") OR d = \(nil as Bool?)"
        #expect(query.sql == "SELECT a FROM t WHERE b = $1 AND c = $2 OR d = $3")
        #expect(query.bindings.types == [20, 25, 16])
        #expect(query.bindings.lengths == [8, 1, -1])
        #expect(query.bindings.bytes == [0, 0, 0, 0, 0, 0, 0, 0, 1, UInt8(ascii: "x")])
    }

    @Test func literalsAndUnescapedTextStay() {
        #expect(("SELECT 1" as PostgresQuery).sql == "SELECT 1")
        #expect(("SELECT \(unescaped: "now()")" as PostgresQuery).sql == "SELECT now()")
        #expect(PostgresQuery(unescaped: "SELECT $1").sql == "SELECT $1")
    }

    @Test(arguments: [("plain", "\"plain\""), ("a\"b", "\"a\"\"b\""), ("nul\0", "\"nul\""), ("", "\"\"")])
    func identifiersAreQuoted(name: String, expected: String) {
        #expect(("\(identifier: name)" as PostgresQuery).sql == expected)
    }

    @Test func fragmentsAreRenumbered() {
        let inner: PostgresQuery = "b = \(2) AND c > \("é") AND price = '$1'"
        var query: PostgresQuery = "SELECT '€' FROM t WHERE a = \(1) AND \(fragment: inner) LIMIT \(9)"
        #expect(query.sql == "SELECT '€' FROM t WHERE a = $1 AND b = $2 AND c > $3 AND price = '$1' LIMIT $4")
        query.append(" OFFSET \(4)")
        #expect(query.sql.hasSuffix("LIMIT $4 OFFSET $5"))
        #expect(query.bindings.lengths == [8, 8, 2, 8, 8])
        #expect(query.bindings.bytes.count == PostgresBindings.firstValueOffset + 34)
    }

    @Test func manyFragmentsKeepTheirOrder() {
        var query: PostgresQuery = "SELECT "
        for number in 1...12 {
            if number > 1 { query.append(", ") }
            query.append("\(number)")
        }
        #expect(query.sql == "SELECT " + (1...12).map { "$\($0)" }.joined(separator: ", "))
        var doubled = query
        doubled.append(query)
        #expect(doubled.sql.hasSuffix("$23, $24"))
    }

    @Test func descriptionsTellNothing() {
        #expect("\("SELECT \("secret")" as PostgresQuery)" == "PostgresQuery(1 parameters)")
    }
}
