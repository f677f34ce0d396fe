import HTTPTesting
import JSON

/// An answer as it came over the wire.
struct Answer: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: String

    subscript(_ name: String) -> String? { headers.first { $0.name == name.lowercased() }?.value }

    /// A member of the body, which is an object.
    func json(_ name: String) throws -> String? {
        let value = try JSONDocument(parsing: Array(body.utf8)).root[name]
        return value?.string ?? value?.int64.map { "\($0)" }
    }

    /// `field: code` of each error in a problem.
    func errors() throws -> [String] {
        let root = try JSONDocument(parsing: Array(body.utf8)).root
        return (root["errors"]?.elements).map { elements in
            elements.map { "\($0["field"]?.string ?? "?"): \($0["code"]?.string ?? "?")" }
        } ?? []
    }
}

extension SocketClient {
    /// Reads the next answer of the connection, whose length its head says.
    func answer(to method: String = "GET") async throws -> Answer {
        let head = try await receive(until: "\r\n\r\n")
        var lines = head.split(separator: "\r\n").map(String.init)
        let status = Int(lines.removeFirst().split(separator: " ")[1]) ?? 0
        let headers = lines.map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (name: line[..<colon].lowercased(), value: String(line[colon...].dropFirst(2)))
        }
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        let body = method == "HEAD" || status == 304 ? "" : try await receive(count: length)
        return Answer(status: status, headers: headers, body: body)
    }
}
