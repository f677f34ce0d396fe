package import Postgres

extension PostgresPool {
    /// The tables of its schema with a row in which one of the texts stands, whatever the case; in columns of bytes too.
    package func tables(mentioning texts: [String]) async throws -> [String] {
        let patterns = texts.flatMap { text in
            ["%\(text)%", "%\(text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())%"]
        }
        return try await query(
            """
            SELECT table_name::text FROM information_schema.tables
            WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND (xpath('/row/c/text()',
                query_to_xml(format('SELECT count(*) AS c FROM %I t WHERE t::text ILIKE ANY (%L::text[])',
                    table_name, \(patterns)), false, true, '')))[1]::text::bigint > 0
            ORDER BY 1
            """
        ).map { try $0.decode(String.self, at: 0) }
    }
}
