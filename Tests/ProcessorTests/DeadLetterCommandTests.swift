import Contracts
import Observability
import Synchronization
import Testing

@testable import ProcessorAPI

/// The command line of dead letters, and the desk behind it, on services of the test's own.
struct DeadLetterCommandTests {
    private static let group = "0123456789abcdef0123456789abcdef"

    @Test(arguments: [
        [], ["drop"], ["drop", "expense-1"], ["show"], ["show", "1"], ["show", "expense-0"], ["show", "expense-01"],
        ["show", "gateway-1"], ["show", "expense-1", "expense-2"], ["show", "expense-1", "--dry-run"],
        ["list", "expense-1"], ["list", "--dry-run"], ["list", "--service", "gateway"], ["list", "--reason", "bored"],
        ["list", "--state", "lost"], ["list", "--group", "x"], ["list", "--colour", "red"], ["list", "--consumer"],
        ["list", "--limit", "5"], ["list", "--subject", ""], ["replay"], ["replay", "--dry-run"],
        ["replay", "--service", "expense"], ["discard", "--state", "parked"],
        ["replay", "expense-1", "--group", group], ["archive", "--cursor", "expense-1"],
    ])
    func whatCannotBeUnderstoodIsTold(arguments: [String]) {
        #expect(DeadLetterCommand.fault(arguments) != nil)
    }

    @Test(arguments: [
        ["list"], ["list", "--service", "expense", "--state", "archived"], ["list", "--cursor", "expense-4"],
        ["groups", "--reason", "handler_failed"], ["show", "portfolio-12"], ["replay", "expense-1", "processor-2"],
        ["discard", "--group", group, "--dry-run"], ["archive", "--consumer", "q", "--type", "t", "--subject", "s"],
    ])
    func whatTheUsageTellsIsUnderstood(arguments: [String]) {
        #expect(DeadLetterCommand.fault(arguments) == nil)
    }

    @Test func aListingGoesThroughAllServicesInPages() async throws {
        let desk = DeadLetterDesk(
            [
                .processor: Letters("processor", 700), .expense: Letters("expense", 0),
                .portfolio: Letters("portfolio", 501),
            ],
            logger: .silent)
        var lines: [String] = []
        let status = try await DeadLetterCommand(["list"]).run(at: desk, logger: .silent) { lines.append($0) }
        #expect(status == 0 && lines.count == 1_201 && Set(lines).count == 1_201)
        #expect(lines[699].contains(#""id":"processor-700""#) && lines[700].contains(#""id":"portfolio-1""#))
        lines = []
        _ = try await DeadLetterCommand(["list", "--cursor", "portfolio-500"]).run(at: desk, logger: .silent) {
            lines.append($0)
        }
        #expect(lines.count == 1 && lines[0].contains("portfolio-501"))
    }

    @Test func aServiceThatIsAwayIsNamedAndHidesNoOther() async throws {
        let log = Mutex("")
        let logger = Logger(
            service: "test", sink: { line in log.withLock { $0 += String(decoding: line, as: UTF8.self) } })
        let desk = DeadLetterDesk(
            [
                .processor: Letters("processor", 1), .expense: Letters("expense", nil),
                .portfolio: Letters("portfolio", 2),
            ],
            logger: logger)
        var output = ""
        let status = try await DeadLetterCommand(["list"]).run(at: desk, logger: logger) { output += $0 }
        #expect(status == 1 && output.split(separator: "\n").count == 3)
        #expect(log.withLock { $0.contains("expense") })
        let decided = try await DeadLetterCommand(["replay", "--type", "t"]).run(at: desk, logger: logger) {
            #expect($0.contains(#""selected":3"#))
            #expect($0.contains(#""unavailable":[{"service":"expense","reason":"the service does not answer"}]"#))
        }
        #expect(decided == 1)
        await #expect(throws: (any Error).self) {
            try await DeadLetterCommand(["show", "expense-1"]).run(at: desk, logger: logger) { _ in }
        }
        #expect(
            try await DeadLetterCommand(["list", "--service", "portfolio"]).run(at: desk, logger: logger) { _ in } == 0)
    }

    @Test func eachServiceIsAskedForItsOwnLettersAlone() async throws {
        let (expense, portfolio) = (Letters("expense", 9), Letters("portfolio", 9))
        let desk = DeadLetterDesk([.expense: expense, .portfolio: portfolio], logger: .silent)
        let status = try await DeadLetterCommand(["discard", "expense-2", "expense-10", "--dry-run"]).run(
            at: desk, logger: .silent
        ) { #expect($0.contains(#""missing":["expense-10"]"#)) }
        #expect(status == 1)
        #expect(expense.decisions.withLock { $0 }.map(\.letterNumbers) == [[2, 10]])
        #expect(expense.decisions.withLock { $0 }.allSatisfy { $0.action == "discard" && $0.dryRun })
        #expect(portfolio.decisions.withLock { $0 }.isEmpty)
    }
}
