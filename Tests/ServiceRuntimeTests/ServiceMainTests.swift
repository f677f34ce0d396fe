import Foundation
import Testing

@testable import ServiceRuntime

struct ServiceMainTests {
    @Test func helpListsCommandsAndKeys() async {
        let run = await Run.start(["--help"], [:])
        #expect(run.status == 0)
        for text in [
            "usage: sample-service COMMAND", "serve", "migrate", "count", "FLORIN_DATABASE_URL", "(required)",
            "(default 127.0.0.1:0)", "FLORIN_CONFIG",
        ] { #expect(run.output.contains(text)) }
        #expect(await Run.start(["--version"], [:]).output == "sample-service \(ServiceMain.version)\n")
    }

    @Test(arguments: [[], ["bogus"], ["--bogus"]])
    func refusesUnknownCommands(_ arguments: [String]) async {
        let run = await Run.start(arguments, [:])
        #expect(run.status == 64)
        #expect(run.errors.contains("usage:"))
        #expect(run.output.isEmpty)
    }

    @Test func namesEveryFaultOfTheConfiguration() async {
        let run = await Run.start(
            ["serve"],
            ["FLORIN_DATABASE_URL": "mysql://x", "FLORIN_GRPC_LISTEN": "nowhere", "FLORIN_LOG_LEVEL": "loud"])
        #expect(run.status == 78)
        #expect(run.lines.all.isEmpty)
        let faults = run.errors.split(separator: "\n")
        #expect(faults.count == 4)
        for key in ["FLORIN_DATABASE_URL", "FLORIN_GRPC_LISTEN", "FLORIN_LOG_LEVEL", "FLORIN_AMQP_URL must be set"] {
            #expect(faults.contains { $0.hasPrefix("sample-service: \(key)") })
        }
        #expect(!run.errors.contains("mysql"))
    }

    @Test func commandsHaveTheirStatus() async {
        let nowhere = [
            "FLORIN_DATABASE_URL": "postgres://a:secret@127.0.0.1:1/b",
            "FLORIN_AMQP_URL": "amqp://a:secret@127.0.0.1:1/c",
        ]
        let run = await Run.start(["count", "x", "y"], nowhere)
        #expect(run.status == 2)
        #expect(run.lines.contain("FLORIN_DATABASE_URL=postgres://a:***@127.0.0.1:1/b"))
        #expect(!run.lines.contain("secret"))
        #expect(await Run.start(["fail"], nowhere).status == 1)
    }

    /// Descriptor 3 of this process is something, but it does not listen.
    @Test func whatIsHandedOverHasToListen() async {
        let run = await Run.start(
            ["serve"],
            [
                "FLORIN_DATABASE_URL": "postgres://a:b@127.0.0.1:1/b", "FLORIN_AMQP_URL": "amqp://127.0.0.1:1/c",
                "LISTEN_PID": "\(getpid())", "LISTEN_FDS": "1",
            ])
        #expect(run.status == 78)
        #expect(run.errors.contains("descriptor 3, which was handed over"))
    }

    @Test func aTakenAddressEndsTheProcess() async throws {
        let squatter = try await Run.serve([
            "FLORIN_DATABASE_URL": "postgres://a:b@127.0.0.1:1/b", "FLORIN_AMQP_URL": "amqp://127.0.0.1:1/c",
        ])
        let address = try await squatter.adminAddress()
        let run = await Run.start(
            ["serve"],
            [
                "FLORIN_DATABASE_URL": "postgres://a:b@127.0.0.1:1/b", "FLORIN_AMQP_URL": "amqp://127.0.0.1:1/c",
                "FLORIN_ADMIN_LISTEN": address,
            ])
        #expect(run.status == 1)
        #expect(run.lines.contain("cannot start"))
        #expect(await squatter.stop() == 0)
    }

    @Test(.timeLimit(.minutes(5))) func startsWithoutItsServersAndSaysWhatIsMissing() async throws {
        let run = try await Run.serve([
            "FLORIN_DATABASE_URL": "postgres://a:b@127.0.0.1:1/b", "FLORIN_AMQP_URL": "amqp://127.0.0.1:1/c",
        ])
        let (status, body) = try await run.get("/readyz")
        #expect(status == 503)
        let answer = try JSONDecoder().decode(ReadinessAnswer.self, from: body)
        #expect(!answer.ready)
        #expect(answer.checks.keys.sorted() == ["broker", "database", "schema"])
        #expect(answer.checks.values.allSatisfy { $0 != "ready" })
        #expect(try await run.get("/livez").status == 200)
        #expect(try await run.get("/nothing").status == 404)
        #expect(try await run.get("/livez", method: "POST").status == 405)
        let metrics = String(decoding: try await run.get("/metrics").body, as: UTF8.self)
        for name in [
            "florin_ready 0", "process_resident_memory_bytes ", "process_open_fds ",
            "florin_build_info{service=\"sample-service\",version=\"\(ServiceMain.version)\"} 1",
        ] { #expect(metrics.contains("\n\(name)") || metrics.hasPrefix(name)) }
        #expect(await run.stop() == 0)
    }
}

private struct ReadinessAnswer: Decodable {
    let ready: Bool
    let checks: [String: String]
}
