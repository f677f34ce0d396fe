internal import Foundation
internal import Glibc
internal import Testing

/// Load generators that others wrote drive the running servers: HTTP/1.1 by `wrk`, gRPC by `h2load`.
@Suite(.timeLimit(.minutes(20))) struct LoadGeneratorTests {
    @Test func everyRequestIsAnsweredAsItShouldBe() async throws {
        try await LocalInstallation.with { installation in
            let run = try await installation.run()
            let settings = try installation.settings()
            let gateway = try #require(settings["FLORIN_GATEWAY_ADMIN_URL"])
            let expenses = try #require(settings["FLORIN_EXPENSE_GRPC"])

            let wrk = try await output(of: ["wrk", "-t1", "-c32", "-d2s", gateway + "/livez"], in: installation)
            let requests = try #require(wrk.firstMatch(of: /(\d+) requests in/).flatMap { Int($0.1) }, "\(wrk)")
            #expect(requests > 0)
            // wrk has a line for each of these only where there was one.
            #expect(!wrk.contains("Socket errors") && !wrk.contains("Non-2xx"), "\(wrk)")

            let frame = installation.folder.appending(path: "empty-message")
            try Data(count: 5).write(to: frame)
            let h2load = try await output(
                of: [
                    "h2load", "-n2000", "-c4", "-m16", "-d", frame.path, "-H", "content-type: application/grpc",
                    "-H", "te: trailers", "http://\(expenses)/grpc.health.v1.Health/Check",
                ], in: installation)
            #expect(h2load.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(h2load)")
            #expect(h2load.contains("2000 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(h2load)")
            run.send(SIGINT)
            #expect(try await run.exitStatus() == 0)
        }
    }

    private func output(of command: [String], in installation: LocalInstallation) async throws -> String {
        let child = try ChildProcess(
            URL(filePath: "/usr/bin/env"), command, environment: ProcessInfo.processInfo.environment,
            output: installation.folder.appending(path: "\(command[0]).out"))
        #expect(try await child.exitStatus(within: .seconds(120)) == 0)
        return try child.output()
    }
}
