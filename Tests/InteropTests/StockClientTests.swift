import Foundation
import Testing
import TestKit

/// Stock clients judge the services from outside: grpcio, cloudevents, jsonschema, PyJWT.
@Suite struct StockClientTests {
    private static let types: Set<String> = [
        "florin.auth.user_registered.v1", "florin.auth.email_verification_requested.v1",
        "florin.auth.user_logged_in.v1", "florin.expense.expense_created.v1", "florin.expense.expense_deleted.v1",
        "florin.expense.budget_exceeded.v1", "florin.expense.budget_recovered.v1",
        "florin.portfolio.investment_added.v1", "florin.portfolio.portfolio_updated.v1",
        "florin.portfolio.price_updated.v1", "florin.portfolio.performance_calculated.v1",
    ]

    private struct Settings: Encodable {
        let auth, expense, portfolio, processor, user, nav_file: String
    }

    @Test(.timeLimit(.minutes(10))) func everyServiceAndEveryEventIsWhatItsContractSays() async throws {
        try await Installation.run { installation in
            try await Capture.run(installation.brokerURL) { capture in
                var services: [ServiceProcess.Program: ServiceProcess] = [:]
                for program in ServiceProcess.Program.allCases {
                    try await installation.migrate(program)
                    services[program] = try installation.start(program)
                }
                var addresses: [ServiceProcess.Program: String] = [:]
                for (program, service) in services {
                    try await service.waitUntilReady()
                    addresses[program] = try await service.grpcAddress()
                }
                try await judgeServices(addresses)
                try await judgeEvents(capture)
                try await eventually("the verification mail") {
                    try FileManager.default.contentsOfDirectory(atPath: installation.mailFolder.path)
                        .contains { $0.hasSuffix(".eml") }
                }
                for (program, service) in services {
                    #expect(try await service.terminate() == 0, "\(program)")
                    #expect(service.log.contains("\"message\":\"stopped\""), "\(program)")
                    let lines = service.log.split(separator: "\n")
                    #expect(!lines.contains { $0.contains("\"level\":\"error\"") }, "\(program)")
                }
            }
        }
    }

    private func judgeServices(_ addresses: [ServiceProcess.Program: String]) async throws {
        let settings = Settings(
            auth: addresses[.auth] ?? "", expense: addresses[.expense] ?? "", portfolio: addresses[.portfolio] ?? "",
            processor: addresses[.processor] ?? "", user: userID(),
            nav_file: Python.root.appending(path: "scripts/fixtures/nav-6-columns.txt").path)
        let input = String(decoding: try JSONEncoder().encode(settings), as: UTF8.self)
        let result = try await Python.run("services/judge_services.py", input: input)
        #expect(result.lines.filter { !$0.hasPrefix("ok ") } == ["14 checks"])
        #expect(result.lines.filter { $0.hasPrefix("ok ") }.count == 14)
        #expect(result.status == 0)
    }

    private func judgeEvents(_ capture: Capture) async throws {
        try await eventually("an event of every type") {
            Self.types.subtracting(capture.events.map(\.routing_key)).isEmpty
        }
        let events = capture.events
        let input = try events.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) + "\n" }.joined()
        let result = try await Python.run("services/judge_events.py", input: input)
        #expect(result.lines == events.map { "ok \($0.routing_key)" })
        #expect(result.status == 0)
    }

    /// A UUID of version 7 with nothing of Florin's in it.
    private func userID() -> String {
        let digits = UUID().uuidString.lowercased()
        return "019aa1b2-" + digits.dropFirst(9).prefix(5) + "7" + digits.dropFirst(15)
    }
}
