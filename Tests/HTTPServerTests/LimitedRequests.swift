import HTTPServer
import HTTPTesting
import Testing

/// Requests over a limit, by what they are.
let limitedRequests: [(name: String, text: String, rule: HTTPRefusal.Rule)] = [
    (
        "a request line of more than 8 KiB",
        requestText("GET /\(String(repeating: "a", count: 8 << 10)) HTTP/1.1", "Host: a"),
        .requestLineTooLong
    ),
    (
        "a request line of more than 8 KiB without its end", "GET /\(String(repeating: "a", count: 9 << 10))",
        .requestLineTooLong
    ),
    (
        "a field of more than 16 KiB",
        requestText("GET / HTTP/1.1", "Host: a", "X: \(String(repeating: "a", count: 17 << 10))"),
        .headersTooLarge
    ),
    (
        "more than 16 KiB of fields",
        requestText("GET / HTTP/1.1", "Host: a", manyFields(17, of: String(repeating: "a", count: 1000))),
        .headersTooLarge
    ),
    ("more than 100 fields", requestText("GET / HTTP/1.1", "Host: a", manyFields(100, of: "y")), .tooManyHeaders),
    (
        "more than 16 KiB of trailers",
        requestText(
            "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked",
            body: "0\r\n" + manyFields(17, of: String(repeating: "a", count: 1000)) + "\r\n\r\n"), .headersTooLarge
    ),
    (
        "more than 1 MiB announced", requestText("POST / HTTP/1.1", "Host: a", "Content-Length: 1048577"), .bodyTooLarge
    ),
    (
        "chunks of one byte with long extensions",
        requestText(
            "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked",
            body: String(repeating: "1;\(String(repeating: "x", count: 200))\r\na\r\n", count: 200)), .excessiveFraming
    ),
]

private func manyFields(_ count: Int, of value: String) -> String {
    Array(repeating: "X: \(value)", count: count).joined(separator: "\r\n")
}

@Suite struct LimitedRequestTests {
    @Test(arguments: limitedRequests.indices)
    func refusesAndCloses(index: Int) async throws {
        let (_, text, rule) = limitedRequests[index]
        try await ServerFixture.run { fixture in
            let client = try SocketClient(fixture.address)
            try await client.send(text)
            let all = try await client.receiveAll()
            #expect(all.statuses == [HTTPRefusal(rule).status])
            #expect(all.contains("Connection: close\r\n") && all.contains("\(rule)"))
            #expect(fixture.server.statistics.requests == 0)
        }
    }

    @Test(arguments: refusedChunks.indices)
    func refusesChunksAndCloses(index: Int) async throws {
        let (body, rule) = refusedChunks[index]
        try await ServerFixture.run { fixture in
            let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            let client = try SocketClient(fixture.address)
            try await client.send(head + body + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.receiveAll().statuses == [HTTPRefusal(rule).status])
            #expect(fixture.server.statistics.requests == 0)
        }
    }
}
