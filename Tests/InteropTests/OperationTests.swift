import Foundation
import ServersTesting
import Testing
import TestKit

/// How the programs behave towards whoever operates them.
@Suite(.serialized) struct OperationTests {
    private static let needed: [ServiceProcess.Program: [String]] = [
        .auth: ["FLORIN_MASTER_KEY", "FLORIN_SEAL_PUBLIC_KEY"],
        .processor: ["FLORIN_SEAL_PRIVATE_KEY", "FLORIN_MAIL_DIR"],
    ]

    @Test(.timeLimit(.minutes(5)), arguments: ServiceProcess.Program.allCases)
    func everyFaultOfTheConfigurationIsToldAtOnce(program: ServiceProcess.Program) async throws {
        let process = try ServiceProcess(
            program, ["serve"],
            ["FLORIN_DATABASE_URL": "mysql://secret@x", "FLORIN_GRPC_LISTEN": "here", "FLORIN_DRAIN_SECONDS": "soon"])
        defer { process.kill() }
        #expect(try await process.status() == 78)
        let keys = ["FLORIN_DATABASE_URL", "FLORIN_GRPC_LISTEN", "FLORIN_DRAIN_SECONDS", "FLORIN_AMQP_URL"]
        let lines = process.log.split(separator: "\n")
        for key in keys + (Self.needed[program] ?? []) {
            #expect(lines.contains { $0.hasPrefix("\(program.rawValue): \(key) ") }, "\(key)")
        }
        #expect(lines.count == 4 + (Self.needed[program]?.count ?? 0))
        #expect(!process.log.contains("secret"))
    }

    @Test(.timeLimit(.minutes(10)), arguments: ServiceProcess.Program.allCases)
    func aMissingDatabaseIsWaitedFor(program: ServiceProcess.Program) async throws {
        let postgres = try await TestPostgres.start()
        try await Installation.run(postgres: postgres) { installation in
            try await installation.migrate(program)
            try await postgres.kill()
            let service = try installation.start(program)
            try await service.wait("it says that the database is missing") {
                let (status, missing) = try await service.readiness()
                return status == 503 && missing.isSuperset(of: ["database", "schema"]) && !missing.contains("broker")
            }
            try await postgres.restart()
            try await service.waitUntilReady()
            try await postgres.kill()
            try await service.wait("it says that the database is gone") {
                try await service.readiness().missing.contains("database")
            }
            try await postgres.restart()
            try await service.waitUntilReady()
            #expect(try await service.terminate() == 0)
        }
        try await postgres.stop()
    }

    @Test(.timeLimit(.minutes(10))) func aMissingBrokerIsWaitedFor() async throws {
        let broker = try await TestRabbitMQ.start()
        try await Installation.run(rabbitMQ: broker) { installation in
            for program in ServiceProcess.Program.allCases { try await installation.migrate(program) }
            try await broker.kill()
            let services = try ServiceProcess.Program.allCases.map { try installation.start($0) }
            for service in services {
                try await service.wait("it says that the broker is missing") {
                    let (status, missing) = try await service.readiness()
                    return status == 503 && missing == ["broker"]
                }
            }
            try await broker.restart()
            for service in services { try await service.waitUntilReady() }
            for service in services { #expect(try await service.terminate() == 0) }
        }
        try await broker.stop()
    }

    /// What was answered is there, what was refused is not, and the process ends well within its bound.
    @Test(.timeLimit(.minutes(10))) func anOrderlyStopUnderLoadKeepsItsPromises() async throws {
        try await Installation.run { installation in
            try await installation.migrate(.expense)
            let service = try installation.start(.expense)
            try await service.waitUntilReady()
            let user = "019aa1b2-0000-7000-8000-00000000000a"
            let load = Process()
            load.executableURL = URL(filePath: try Python.interpreter())
            load.arguments = Python.arguments("services/many_calls.py", [try await service.grpcAddress(), user])
            let (input, output) = (Pipe(), Pipe())
            load.standardInput = input
            load.standardOutput = output
            try load.run()
            defer { if load.isRunning { kill(load.processIdentifier, SIGKILL) } }
            let reading = output.fileHandleForReading
            // A line may come in pieces: unbuffered, Python writes its end apart.
            let first = try await onThread {
                var line = Data()
                while !line.contains(UInt8(ascii: "\n")) {
                    let piece = reading.availableData
                    guard !piece.isEmpty else { break }
                    line += piece
                }
                return line
            }
            #expect(first == Data("calling\n".utf8))

            let begun = ContinuousClock.now
            #expect(try await service.terminate() == 0)
            #expect(ContinuousClock.now - begun < .seconds(60))
            try input.fileHandleForWriting.close()
            let rest = try await onThread { try reading.readToEnd() ?? Data() }
            struct Summary: Decodable {
                let answered: Int
                let refused: [String]
            }
            let summary = try JSONDecoder().decode(Summary.self, from: rest)
            #expect(summary.refused == ["UNAVAILABLE"])
            #expect(summary.answered >= 4)
            #expect(try await recorded(installation) == summary.answered)
        }
    }

    /// The deadline travels with the call: a write that waits for a lock is given up and leaves nothing behind.
    @Test(.timeLimit(.minutes(10))) func aCallPastItsDeadlineHasNoEffect() async throws {
        try await Installation.run { installation in
            try await installation.migrate(.expense)
            let service = try installation.start(.expense)
            try await service.waitUntilReady()
            let address = try await service.grpcAddress()
            let fields = #"{"amount": {"amount": "1.00", "currency": "EUR"}, "spent_on": "2026-11-10"}"#
            func create(within seconds: String) async throws -> [String] {
                let user = "019aa1b2-0000-7000-8000-00000000000a"
                return try await Python.run(
                    "services/call.py", [address, "florin.expense.v1.ExpenseService", "CreateExpense", user, seconds],
                    input: fields
                ).lines
            }
            #expect(try await create(within: "60") == ["OK"])
            let lock = try Lock(url: databaseURL(installation))
            defer { lock.release() }
            try await service.wait("the lock is held") { try await lockWaits(installation, granted: true) == 1 }
            #expect(try await create(within: "1") == ["DEADLINE_EXCEEDED"])
            try await service.wait("the write is given up") {
                try await lockWaits(installation, granted: false) == 0
            }
            lock.release()
            #expect(try await create(within: "60") == ["OK"])
            #expect(try await recorded(installation) == 2)
            #expect(try await service.terminate() == 0)
        }
    }

    private func databaseURL(_ installation: Installation) throws -> String {
        String(try #require(installation.databases["expense"]?.split(separator: "?").first))
    }

    /// A number that the expense service's database answers.
    private func number(_ sql: String, _ installation: Installation) async throws -> Int {
        let result = try await runProgram(
            "/usr/bin/psql", ["--no-psqlrc", "-At", "-c", sql, try databaseURL(installation)],
            errors: .inherited)
        #expect(result.status == 0)
        return try #require(Int(result.output.trimmingCharacters(in: .newlines)))
    }

    private func recorded(_ installation: Installation) async throws -> Int {
        try await number("SELECT count(*) FROM expenses", installation)
    }

    private func lockWaits(_ installation: Installation, granted: Bool) async throws -> Int {
        try await number(
            """
            SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
            WHERE relname = 'expenses' AND granted = \(granted)
                AND (NOT granted OR mode = 'AccessExclusiveLock')
            """, installation)
    }
}

/// An exclusive lock on the table of expenses, held by a session of its own.
private final class Lock {
    private let process = Process()
    private let input = Pipe()
    private var isReleased = false

    init(url: String) throws {
        process.executableURL = URL(filePath: "/usr/bin/psql")
        process.arguments = ["--no-psqlrc", "--quiet", url]
        process.standardInput = input
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data("BEGIN; LOCK TABLE expenses;\n".utf8))
    }

    /// Ends the session, and with it the transaction. Not by SIGTERM, which a thread of the test may have blocked for it.
    func release() {
        if isReleased { return }
        isReleased = true
        try? input.fileHandleForWriting.close()
    }
}

/// Foundation's reads block, which no task's thread may.
private func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}
