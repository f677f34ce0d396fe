internal import Foundation
internal import Glibc
internal import TestKit
internal import Testing

/// All of Florin's programs with servers of their own, as `make run` and `make demo` start them.
@Suite(.serialized, .timeLimit(.minutes(20))) struct SystemTests {
    @Test func theStoryHolds() async throws {
        try await LocalInstallation.with { installation in
            let demo = try await installation.stack("demo")
            #expect(demo.status == 0, "\(demo.output.suffix(4000))")
            #expect(demo.output.contains("The story holds."))
            #expect(try installation.processes() == [])
            #expect(try installation.runFiles() == ["stack.lock"])
        }
    }

    @Test func killedProcessesComeBackAndDataStays() async throws {
        try await LocalInstallation.with { installation in
            let run = try await installation.run(settings: ["FLORIN_LOG_LEVEL": "debug"])
            try checkSettings(of: installation)
            let first = try await Account.register(at: installation)
            try await wait(for: "the mail") { try installation.hasMail(to: first.address) }
            try await checkThatNothingEndsAtHangUp(installation)
            try await checkMetrics(of: installation)
            try await checkLogs(of: installation)

            for name in LocalInstallation.programs + LocalInstallation.servers {
                let pid = try #require(installation.pid(of: name))
                try #require(kill(pid, SIGKILL) == 0)
                try await wait(for: "\(name) to be started again") {
                    installation.pid(of: name).map { $0 != pid && isAlive($0) } ?? false
                }
                #expect(try run.output().contains("\(name) was ended by SIGKILL; it is started again in 0.5 s"))
                try await installation.waitUntilReady()
            }
            // Facts flow again, through every process: the mail comes by the bus.
            let second = try await Account.register(at: installation)
            try await wait(for: "the mail") { try installation.hasMail(to: second.address) }
            #expect(try await first.logIn(at: installation) == 200)

            let refused = try await installation.stack("run")
            #expect(refused.status == 1 && refused.output.contains("is running from"))
            try await checkThatItStops(installation, run) {
                let stopped = try await installation.stack("stop")
                #expect(stopped.status == 0, "\(stopped.output)")
            }

            let again = try await installation.run()
            #expect(try await first.logIn(at: installation) == 200)
            #expect(try await second.logIn(at: installation) == 200)
            try await checkThatItStops(installation, again, by: { again.send(SIGINT) })
        }
    }

    @Test func aTakenPortIsAClearError() async throws {
        try await LocalInstallation.with { installation in
            let squatter = try Squatter()
            defer { squatter.close() }
            let refused = try await installation.stack("run", settings: ["FLORIN_PORT_GATEWAY": "\(squatter.port)"])
            #expect(refused.status == 1)
            #expect(refused.output.contains("port \(squatter.port) for gateway is taken"))
            #expect(refused.output.contains("FLORIN_PORT_GATEWAY="))
            #expect(try installation.processes() == [])
        }
    }

    /// `.local/env` is for its owner alone and holds what it is documented to hold.
    private func checkSettings(of installation: LocalInstallation) throws {
        #expect(try installation.mode(of: "env") == 0o600)
        #expect(try installation.mode(of: "secrets") == 0o600)
        let settings = try installation.settings()
        var expected = ["FLORIN_URL", "FLORIN_AMQP_URL", "FLORIN_DB_URL", "FLORIN_RUN_DIR", "FLORIN_MAIL_DIR"]
        expected += ["AUTH", "EXPENSE", "PORTFOLIO", "PROCESSOR", "GATEWAY"].map { "FLORIN_\($0)_ADMIN_URL" }
        #expect(expected.filter { settings[$0]?.isEmpty ?? true } == [])
    }

    /// SIGHUP asks every program to read its files again, also where there are none.
    private func checkThatNothingEndsAtHangUp(_ installation: LocalInstallation) async throws {
        for name in LocalInstallation.programs {
            let pid = try #require(installation.pid(of: name))
            try #require(kill(pid, SIGHUP) == 0)
            try await wait(for: "\(name) to say that it heard") {
                try installation.log(of: name).contains(#""message":"nothing to read again""#)
            }
            #expect(installation.pid(of: name) == pid && isAlive(pid))
        }
    }

    /// What every program tells is valid, and stands in the runbook.
    private func checkMetrics(of installation: LocalInstallation) async throws {
        let settings = try installation.settings()
        var files: [String] = []
        for name in ["AUTH", "EXPENSE", "PORTFOLIO", "PROCESSOR", "GATEWAY"] {
            let address = try #require(settings["FLORIN_\(name)_ADMIN_URL"])
            let file = installation.folder.appending(path: "\(name).metrics").path
            _ = try await runProgram(
                "/usr/bin/curl", ["--silent", "--noproxy", "*", "--output", file, address + "/metrics"])
            files.append(file)
        }
        let root = Python.root
        let judged = try await Python.run(
            "metrics/judge.py", [root.appending(path: "docs/RUNBOOK.md").path, root.path] + files)
        #expect(judged.status == 0, "\(judged.output)")
    }

    /// What every program writes is as the runbook has it, and the lines of a request bear its name in the gateway and in the
    /// service that it was passed on to.
    private func checkLogs(of installation: LocalInstallation) async throws {
        let name = "request-\(UUID().uuidString)"
        let url = try #require(installation.settings()["FLORIN_URL"])
        let refused = try await HTTPCall.post(
            url + "/v1/auth/login", ["email": "nobody@example.org", "password": "wrong-password"],
            headers: ["X-Request-Id: \(name)"])
        #expect(refused.status == 401)
        let field = #""request_id":"\#(name)""#
        func line(of program: String, _ message: String) throws -> Substring? {
            try installation.log(of: program).split(separator: "\n").first {
                $0.contains(field) && $0.contains(#""message":"\#(message)""#)
            }
        }
        for (program, message) in [("gateway", "request"), ("auth-service", "call")] {
            try await wait(for: "\(program) to write a line") { try line(of: program, message) != nil }
        }
        let traces = try [("gateway", "request"), ("auth-service", "call")].map { program, message in
            try line(of: program, message)?.firstMatch(of: /"trace_id":"([0-9a-f]{32})"/)?.1
        }
        #expect(traces[0] != nil && traces[0] == traces[1])
        #expect(
            try line(of: "auth-service", "call")?.contains(#""method":"/florin.auth.v1.AuthService/Login""#) == true)
        let root = Python.root
        let judged = try await Python.run(
            "logs/judge.py",
            [root.appending(path: "docs/RUNBOOK.md").path, root.path]
                + LocalInstallation.programs.map(installation.logFile(of:)))
        #expect(judged.status == 0, "\(judged.output)")
    }

    /// Stops a run and looks for whatever it may have left.
    private func checkThatItStops(
        _ installation: LocalInstallation, _ run: ChildProcess, by stop: () async throws -> Void
    ) async throws {
        let names = LocalInstallation.servers + LocalInstallation.programs
        let pids = names.compactMap(installation.pid)
        #expect(pids.count == names.count && pids.allSatisfy(isAlive))
        #expect(try !installation.processes().isEmpty)
        try await stop()
        let status = try await run.exitStatus()
        let output = try run.output()
        #expect(status == 0, "\(output)")
        #expect(!pids.contains(where: isAlive))
        #expect(try installation.processes() == [])
        #expect(try installation.runFiles() == ["stack.lock"])
        #expect(try await HTTPCall.status(of: installation.settings()["FLORIN_URL"] ?? "") == 0)
    }
}

/// A user of the public API.
private struct Account {
    let address: String
    let password: String

    /// Registers somebody new.
    static func register(at installation: LocalInstallation) async throws -> Account {
        let account = Account(address: "\(UUID().uuidString.lowercased())@example.org", password: UUID().uuidString)
        let answer = try await HTTPCall.post(
            url(installation) + "/v1/auth/register",
            [
                "email": account.address, "password": account.password, "display_name": "Grace",
                "base_currency": "EUR",
            ])
        try #require(answer.status == 201, "\(answer.body)")
        return account
    }

    /// The status of a log-in.
    func logIn(at installation: LocalInstallation) async throws -> Int {
        try await HTTPCall.post(
            Self.url(installation) + "/v1/auth/login", ["email": address, "password": password]
        ).status
    }

    private static func url(_ installation: LocalInstallation) throws -> String {
        try #require(installation.settings()["FLORIN_URL"])
    }
}

/// Holds a port that somebody else wants.
private struct Squatter {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                unsafe bind(descriptor, raw, length) | getsockname(descriptor, raw, &length) | listen(descriptor, 1)
            }
        }
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
        if status != 0 { close() }
        try #require(status == 0)
    }

    func close() { Glibc.close(descriptor) }
}
