import Foundation
import Testing
import TestKit

/// Whether openapi.json is valid, and whether it tells all that a client has to know.
@Suite(.timeLimit(.minutes(5))) struct ContractTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let contract = root.appending(path: "openapi.json")

    @Test func theContractIsValid() async throws {
        let judged = try await Self.python(["-m", "openapi_spec_validator", "--schema", "3.1", Self.contract.path])
        #expect(judged.status == 0, "\(judged.output)")
    }

    /// Every operation with its statuses, problems, header fields and examples, which are valid by their schemas.
    @Test func theContractIsComplete() async throws {
        let judged = try await Self.check(Self.contract)
        #expect(judged.status == 0, "\(judged.output)")
    }

    /// What is taken out, and what the checker says then.
    private static let gaps: [(path: [String], complaint: String)] = [
        (["paths", "/v1/expenses", "post", "description"], "POST /v1/expenses: has no description"),
        (["paths", "/v1/expenses", "post", "security"], "POST /v1/expenses: does not say who may call"),
        (["paths", "/v1/expenses", "post", "responses", "409"], "POST /v1/expenses: does not say what ['409'] mean"),
        (
            ["paths", "/v1/expenses", "post", "responses", "201", "headers", "RateLimit"],
            "POST /v1/expenses 201: has no ['RateLimit']"
        ),
        (
            ["paths", "/v1/expenses", "post", "requestBody", "content", "application/json", "example", "amount"],
            "POST /v1/expenses: the example is not valid: the value: 'amount' is a required property"
        ),
        (
            ["paths", "/v1/expenses", "get", "responses", "200", "content", "application/json", "example"],
            "GET /v1/expenses 200: has no example of its application/json"
        ),
        (["components", "schemas", "Expense", "examples"], "Expense: has no example"),
        (["components", "schemas", "Money", "properties", "amount"], "Money: the example is not valid"),
        (["components", "parameters", "IfMatch", "description"], "If-Match: is not described"),
        (["components", "headers", "ETag", "example"], "ETag: has no example"),
        (["components", "examples", "not_found", "value", "request_id"], "'request_id' is a required property"),
        (["x-problems", "not_found"], "x-problems: is not the table of problems"),
        (["x-responses"], "x-responses: are not there"),
    ]

    @Test func theCheckerFindsWhatIsMissing() async throws {
        let whole = try JSONSerialization.jsonObject(with: Data(contentsOf: Self.contract))
        let file = FileManager.default.temporaryDirectory.appending(path: "contract-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        for gap in Self.gaps {
            let damaged = try #require(Self.removing(gap.path[...], from: whole), "\(gap.path)")
            try JSONSerialization.data(withJSONObject: damaged).write(to: file)
            let judged = try await Self.check(file)
            #expect(
                judged.status == 1 && judged.output.contains(gap.complaint), "\(gap.path): \(judged.output.prefix(500))"
            )
        }
    }

    private static func removing(_ path: ArraySlice<String>, from value: Any) -> [String: Any]? {
        guard var object = value as? [String: Any], let key = path.first, let inner = object[key] else { return nil }
        guard path.count > 1 else {
            object[key] = nil
            return object
        }
        guard let rest = removing(path.dropFirst(), from: inner) else { return nil }
        object[key] = rest
        return object
    }

    private static func check(_ file: URL) async throws -> ProgramResult {
        try await python(["-B", root.appending(path: "scripts/check_contract.py").path, file.path])
    }

    private static func python(_ arguments: [String]) async throws -> ProgramResult {
        try await runProgram(Python.interpreter(), arguments)
    }
}
