import Contracts
import Foundation
import HTTPTesting
import Secrets
import Testing

@testable import GatewayAPI

/// The pages that explain the API, and whether they tell everything.
@Suite(.timeLimit(.minutes(5))) struct DocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func everyCodeOfTheGatewayIsInTheTable() {
        for code in ProblemCode.allCases {
            let entry = ProblemEntry.of(code.rawValue)
            #expect(entry?.status == code.status && entry?.title == code.title, "\(code)")
        }
    }

    /// The sources name their problems in these ways; what they name is in the table, with the status that they give it.
    @Test func everyCodeOfTheServicesIsInTheTable() throws {
        var found = 0
        for folder in [
            "Services/AuthService", "Services/ExpenseService", "Services/PortfolioService",
            "Services/EventProcessor", "Libs/ServiceRuntime",
        ] {
            let files = FileManager.default.enumerator(
                at: Self.root.appending(path: folder), includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.pathExtension == "swift" else { continue }
                for (code, status) in try problems(in: String(contentsOf: file, encoding: .utf8)) {
                    found += 1
                    let entry = ProblemEntry.of(code)
                    #expect(entry?.status == status, "\(code) of \(file.lastPathComponent) is not in problems.json")
                }
            }
        }
        #expect(found > 25)
    }

    private func problems(in text: String) -> [(String, Int)] {
        let written = text.matches(of: /\bcode: "([a-z_]+)",\s*status: ([0-9]+)/).map {
            (String($0.1), Int($0.2) ?? 0)
        }
        let statuses = ["badRequest": 400, "conflict": 409, "forbidden": 403, "unavailable": 503]
        let named = text.matches(of: /\.(badRequest|conflict|forbidden|unavailable)\(\s*"([a-z_]+)"/).map {
            (String($0.2), statuses[String($0.1)] ?? 0)
        }
        return written + named
    }

    @Test func everyProblemHasItsPage() async throws {
        try await GatewayBench.run { bench in
            let list = try await bench.send("GET", "/problems").body
            for entry in ProblemEntry.all {
                let page = try await bench.send("GET", "/problems/\(entry.code)")
                #expect(page.status == 200 && page["content-type"] == "text/html; charset=utf-8", "\(entry.code)")
                #expect(page.body.contains("<code>\(entry.code)</code>"), "\(entry.code)")
                #expect(page.body.contains("<strong>\(entry.status)</strong>"), "\(entry.code)")
                #expect(page.body.contains(ProblemPages.marked(entry.remedy)), "\(entry.code)")
                #expect(page.body.contains(#""code": "\#(entry.code)""#), "\(entry.code)")
                #expect(list.contains(#"<a href="/problems/\#(entry.code)">"#), "\(entry.code)")
            }
            #expect(try await bench.send("GET", "/problems/unheard_of").status == 404)
            let refused = try await bench.send("GET", "/v1/expenses")
            let type = try #require(try refused.json("type"))
            #expect(try await bench.send("GET", type).status == 200)
        }
    }

    @Test func textBetweenBackquotesIsCode() {
        #expect(ProblemPages.marked("see `a<b` & `c`.") == "see <code>a&lt;b</code> &amp; <code>c</code>.")
    }

    /// What is served is what is checked in, and every path of it is there.
    @Test func theContractTellsEveryPath() async throws {
        let file =
            try JSONSerialization.jsonObject(
                with: Data(contentsOf: Self.root.appending(path: "openapi.json"))) as? NSDictionary
        let served = try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.json.utf8)) as? NSDictionary
        #expect(file == served && file != nil)
        let paths = try #require(served?["paths"] as? [String: [String: Any]])
        try await GatewayBench.run { bench in
            for (path, item) in paths {
                let answer = try await bench.send(
                    "OPTIONS", path.replacing("{code}", with: "not_found").replacing(/[{}]/, with: ""))
                let allowed = Set((answer["allow"] ?? "").lowercased().split(separator: ", ").map(String.init))
                #expect(answer.status == 204, "\(path)")
                for method in item.keys { #expect(allowed.contains(method), "\(method) \(path)") }
            }
        }
        for route in GatewayRoutes.all {
            #expect(paths[route.path]?[route.method.lowercased()] != nil, "\(route.path)")
        }
        let problems = try #require(served?["x-problems"] as? [String: Any])
        #expect(Set(problems.keys) == Set(ProblemEntry.all.map(\.code)))
    }
}
