import Contracts
import JSON
import Testing

@testable import HTTPServer
@testable import ProcessorAPI

/// `/dead-letters` of the admin address, on services of the test's own.
struct DeadLetterAdminTests {
    private let expense = Letters("expense", 120)
    private let portfolio = Letters("portfolio", nil)

    private func call(
        _ method: HTTPMethod, _ target: String, _ body: String = "", type: String = "application/json"
    ) async throws -> (status: Int, json: JSONDocument, text: String) {
        let desk = DeadLetterDesk([.expense: expense, .portfolio: portfolio], logger: .silent)
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let head = HTTPRequestHead(
            method: method, target: target, path: parts[0], rawQuery: parts.dropFirst().first, version: .http11,
            headers: ["Content-Type": type], framing: .none, keepsAlive: true, expectsContinue: false)
        let response = await DeadLetterAdmin(desk: desk).answer(
            HTTPRequest(head: head, body: Array(body.utf8), remote: .loopback(port: 1)))
        guard case .bytes(let bytes) = response.body else { throw NoBody() }
        let isProblem = response.headers["Content-Type"] == "application/problem+json"
        #expect(isProblem == (response.status >= 400))
        return (response.status, try JSONDocument(parsing: bytes), String(decoding: bytes, as: UTF8.self))
    }

    private struct NoBody: Error {}

    @Test func lettersAreListedInPages() async throws {
        let first = try await call(.get, "/dead-letters?limit=100")
        #expect(first.status == 200)
        let cursor = try #require(first.json.root["next_cursor"]?.string)
        #expect(cursor == "expense-100")
        let second = try await call(.get, "/dead-letters?limit=100&cursor=\(cursor)")
        #expect(second.json.root["data"]?.elements.map { $0["id"]?.string }.count == 20)
        #expect(second.json.root["next_cursor"]?.isNull == true)
        #expect(
            second.text.contains(#""unavailable":[{"service":"portfolio","reason":"the service does not answer"}]"#))
    }

    @Test func lettersAreShownAndGrouped() async throws {
        #expect(try await call(.get, "/dead-letters/expense-7").text.contains(#""id":"expense-7""#))
        #expect(try await call(.get, "/dead-letters/groups").text.contains(#""count":120"#))
    }

    @Test func decisionsSayWhatTheyDid() async throws {
        let one = try await call(.post, "/dead-letters/expense-7/replay")
        #expect(one.status == 200 && one.json.root["selected"]?.int64 == 1)
        let dry = try await call(.post, "/dead-letters/expense-7/discard", #"{"dry_run":true}"#)
        #expect(dry.json.root["dry_run"]?.bool == true)
        let several = try await call(.post, "/dead-letters/archive", #"{"ids":["expense-1","expense-2"]}"#)
        #expect(several.json.root["selected"]?.int64 == 2)
        let filtered = try await call(.post, "/dead-letters/replay", #"{"type":"t","service":"expense"}"#)
        #expect(filtered.json.root["selected"]?.int64 == 120)
        let decisions = expense.decisions.withLock { $0 }
        #expect(decisions.map(\.action) == ["replay", "discard", "archive", "replay"])
        #expect(decisions.map(\.dryRun) == [false, true, false, false])
        #expect(decisions.map(\.letterNumbers) == [[7], [7], [1, 2], []])
        #expect(decisions.last?.query?.type == "t")
    }

    @Test(arguments: [
        (HTTPMethod.get, "/dead-letters/expense-121", "", 404), (.get, "/dead-letters/17", "", 400),
        (.get, "/dead-letters/portfolio-1", "", 503), (.get, "/dead-letters?service=portfolio", "", 503),
        (.get, "/dead-letters/groups?service=portfolio", "", 503),
        (.post, "/dead-letters/replay", #"{"type":"t","service":"portfolio"}"#, 503),
        (.get, "/dead-letters/expense-1/events", "", 404),
        (.get, "/dead-letters/expense-1/replay/x", "", 404), (.get, "/dead-letters?limit=0", "", 400),
        (.get, "/dead-letters?limit=501", "", 400), (.get, "/dead-letters?limit=x", "", 400),
        (.get, "/dead-letters?cursor=x", "", 400), (.get, "/dead-letters?colour=red", "", 400),
        (.get, "/dead-letters?type=a&type=b", "", 400), (.get, "/dead-letters?type=%00", "", 400),
        (.get, "/dead-letters?service=expense&cursor=portfolio-1", "", 400), (.delete, "/dead-letters", "", 405),
        (.get, "/dead-letters/replay", "", 405), (.post, "/dead-letters/expense-1", "", 405),
        (.get, "/dead-letters/expense-1/replay", "", 405), (.post, "/dead-letters/expense-121/replay", "", 404),
        (.post, "/dead-letters/17/replay", "", 400), (.post, "/dead-letters/expense-1/replay", "[]", 400),
        (.post, "/dead-letters/expense-1/replay", #"{"type":"t"}"#, 400),
        (.post, "/dead-letters/expense-1/replay", #"{"dry_run":"yes"}"#, 400),
        (.post, "/dead-letters/portfolio-1/replay", "", 503), (.post, "/dead-letters/replay", "", 400),
        (.post, "/dead-letters/replay", "{}", 400), (.post, "/dead-letters/replay", #"{"dry_run":true}"#, 400),
        (.post, "/dead-letters/replay", #"{"service":"expense"}"#, 400),
        (.post, "/dead-letters/replay", #"{"state":"parked"}"#, 400),
        (.post, "/dead-letters/replay", #"{"ids":[]}"#, 400),
        (.post, "/dead-letters/replay", #"{"ids":["7"]}"#, 400),
        (.post, "/dead-letters/replay", #"{"ids":["expense-1"],"type":"t"}"#, 400),
        (.post, "/dead-letters/replay", #"{"type":"t","type":"u"}"#, 400),
        (.post, "/dead-letters/replay", #"{"type":1}"#, 400), (.post, "/dead-letters/replay", #"{"limit":"9"}"#, 400),
    ])
    func whatCannotBeDoneIsAProblem(method: HTTPMethod, target: String, body: String, status: Int) async throws {
        let answer = try await call(method, target, body)
        #expect(answer.status == status)
        #expect(answer.json.root["status"]?.int64 == Int64(status))
        let entry = try #require(answer.json.root["code"]?.string.flatMap(ProblemEntry.of))
        #expect(entry.status == status && answer.json.root["title"]?.string == entry.title)
        #expect(expense.decisions.withLock { $0.allSatisfy { $0.letterNumbers == [121] } })
    }

    @Test func aBodyIsJSON() async throws {
        let answer = try await call(.post, "/dead-letters/replay", "type=t", type: "application/x-www-form-urlencoded")
        #expect(answer.status == 415)
    }
}
