import EventLoop
import Postgres
import ServersTesting
import Testing
import TestKit

@Suite struct PoolTests {
    @Test func growsUnderLoadAndShrinksAfter() async throws {
        try await withPool(configure: {
            $0.maximumConnections = 4
            $0.idleTimeout = .milliseconds(500)
        }) { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await pool.withConnection(timeout: .seconds(60)) { _ in
                            try await eventually("four connections") { await pool.statistics.connections == 4 }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("one connection") { await pool.statistics.connections == 1 }
            #expect(await pool.state == .ready(connections: 1))
        }
    }

    @Test func opensItsMinimumAtOnce() async throws {
        try await withPool(configure: { $0.minimumConnections = 3 }) { pool in
            try await eventually("three connections") { await pool.statistics.connections == 3 }
        }
    }

    @Test func namesAreLookedUp() async throws {
        let url = try await freshDatabase().replacing("127.0.0.1", with: "localhost")
        try await withPool(url) { pool in
            let rows = try await pool.query("SELECT 1::bigint")
            #expect(try rows.first(as: Int.self) == 1)
        }
    }

    @Test(arguments: [
        ("127.0.0.1:1/nothing", "nobody listens"), ("no-such-host.invalid:5432/nothing", "no such host"),
    ])
    func anUnreachableDatabaseFailsCallsInTime(place: String, _: String) async throws {
        try await withPool(
            "postgres://user:secret-word@\(place)",
            configure: {
                $0.unavailableTimeout = .milliseconds(300)
            }
        ) { pool in
            let error = await postgresError { try await pool.query("SELECT 1", timeout: .seconds(60)) }
            #expect(error?.code == .connectionFailed)
            #expect(error?.isRetriable == true)
            #expect(error?.isOutcomeUnknown == false)
            let inTransaction = await postgresError {
                _ = try await pool.withTransaction(timeout: .milliseconds(200)) { try await $0.query("SELECT 1") }
            }
            #expect(inTransaction?.isRetriable == true)
            guard case .unavailable(let reason) = await pool.state else {
                Issue.record("the pool claims a database")
                return
            }
            #expect(!reason.contains("secret-word"))
        }
    }

    @Test func aWrongPasswordAndAWrongDatabaseAreNoCrash() async throws {
        let url = try await freshDatabase()
        let database = url.split(separator: "/").last.map(String.init) ?? ""
        for wrong in [
            url.replacing(":\(password(of: url))@", with: ":wrong@"), url.replacing("/\(database)", with: "/nowhere"),
        ] {
            try await withPool(wrong, configure: { $0.unavailableTimeout = .milliseconds(300) }) { pool in
                let error = await postgresError { try await pool.query("SELECT 1", timeout: .seconds(60)) }
                #expect(error?.code == .connectionFailed)
                #expect(error.map { "\($0)" }?.contains("wrong") == false)
            }
        }
    }

    @Test func aPoolThatIsShutDownRefuses() async throws {
        try await withPool { pool in
            try await pool.query("SELECT 1")
            let running = Task { try await pool.query("SELECT pg_sleep(2)") }
            try await eventually("it runs") { await pool.statistics.inFlight > 0 }
            await pool.shutdown(grace: .seconds(20))
            _ = try await running.value
            let error = await postgresError { try await pool.query("SELECT 1") }
            #expect(error?.code == .poolClosed)
            #expect(await pool.state == .closed)
        }
    }

    @Test func closesWhatHangsWhenItShutsDown() async throws {
        try await withPool { pool in
            try await pool.query("SELECT 1")
            let running = Task { try await pool.query("SELECT pg_sleep(60)") }
            try await eventually("it runs") { await pool.statistics.inFlight > 0 }
            await pool.shutdown(grace: .milliseconds(50))
            let error = await postgresError { _ = try await running.value }
            #expect(error?.code == .poolClosed)
            #expect(error?.isOutcomeUnknown == true)
        }
    }

    @Test func canBeCalledFromTheLoopAndFromElsewhere() async throws {
        try await withPool { pool in
            let onLoop = Task(executorPreference: pool.loop) {
                try await pool.query("SELECT \(1)").first(as: Int.self)
            }
            let elsewhere = Task.detached { try await pool.query("SELECT \(2)").first(as: Int.self) }
            let numbers = try await [onLoop.value, elsewhere.value]
            #expect(numbers == [1, 2])
        }
    }
}

private func password(of url: String) -> String {
    guard let credentials = url.split(separator: "@").first else { return "" }
    return credentials.split(separator: ":").last.map(String.init) ?? ""
}
