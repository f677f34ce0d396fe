package import EventLoop
import Glibc
package import Observability
import Postgres

/// Runs a program from its command line to its exit status.
package enum ServiceMain {
    /// Exit statuses, as in sysexits.h where it has one.
    package enum Status {
        /// The program did what it was asked for.
        package static let ok: Int32 = 0
        /// A part could not be started, or a command failed.
        package static let failure: Int32 = 1
        /// The command line is not understood (EX_USAGE).
        package static let usage: Int32 = 64
        /// The configuration is wrong (EX_CONFIG).
        package static let configuration: Int32 = 78
    }

    /// The version that all of Florin's programs have.
    package static let version = "0.1.0"

    /// Runs the program of this process and ends it; the whole of a `main.swift`.
    package static func run<Program: ServiceProgram>(_ program: Program.Type) async -> Never {
        ProcessMemory.returnLargeBlocks()
        DescriptorLimit.raise()
        if CommandLine.arguments.dropFirst().first == "serve" { HangUp.ignoreUntilWatched() }
        let status = await run(
            program, arguments: Array(CommandLine.arguments.dropFirst()), source: ConfigurationSource.process(),
            output: { text in write(text, to: STDOUT_FILENO) })
        exit(status)
    }

    /// Runs a program with these arguments; returns the exit status.
    ///
    /// - Parameters:
    ///   - output: takes the text of `--help` and `--version`, and what subcommands answer.
    ///   - errors: takes what standard error gets beside the log: faults of configuration and command line.
    ///   - sink: takes log lines.
    ///   - stopRequest: `serve` ends when it returns; SIGTERM or SIGINT unless a test has another.
    package static func run<Program: ServiceProgram>(
        _ program: Program.Type, arguments: [String], source: ConfigurationSource,
        output: @escaping @Sendable (String) -> Void,
        errors: @escaping @Sendable (String) -> Void = { text in ServiceMain.write(text, to: STDERR_FILENO) },
        sink: @escaping Logger.Sink = Logger.standardError,
        stopRequest: @escaping @Sendable (EventLoop, Logger) async -> Void = ServiceMain.signal
    ) async -> Int32 {
        let run = ProgramRun(
            name: Program.name, adminAddress: Program.adminAddress, source: source, sink: sink, errors: errors,
            output: output)
        switch arguments.first {
        case "--help", "-h", "help":
            output(help(program))
            return Status.ok
        case "--version":
            output("\(Program.name) \(version)\n")
            return Status.ok
        case "serve":
            return await run.perform(Program.settings) { host, settings in
                try host.hangUp.watch(on: host.loop)
                try Program.build(host, settings)
                try await host.start()
                await stopRequest(host.loop, host.logger)
                return Status.ok
            }
        case "migrate" where !Program.migrations.isEmpty:
            return await run.perform({ DatabaseSettings(&$0) }) { host, settings in
                try await SchemaUpdate(migrations: Program.migrations, settings: settings).run(host)
            }
        case let name:
            guard let command = Program.commands.first(where: { $0.name == name }) else {
                errors((name.map { "\(Program.name): unknown command \($0)\n" } ?? "") + help(program))
                return Status.usage
            }
            return await perform(command, of: program, Array(arguments.dropFirst()), run)
        }
    }

    private static func perform<Program: ServiceProgram>(
        _ command: ServiceCommand<Program.Settings>, of program: Program.Type, _ arguments: [String], _ run: ProgramRun
    ) async -> Int32 {
        if let usage = command.usage, let first = arguments.first, ["--help", "-h"].contains(first) {
            run.output(usage)
            return Status.ok
        }
        if let fault = command.fault(arguments) {
            run.errors("\(program.name) \(command.name): \(fault)\n" + (command.usage.map { "\n" + $0 } ?? ""))
            return Status.usage
        }
        return await run.perform(Program.settings) { host, settings in
            try await command.run(host, settings, arguments)
        }
    }

    /// Waits for SIGTERM or SIGINT; a second one ends the process at once.
    @Sendable package static func signal(_ loop: EventLoop, _ logger: Logger) async {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingOldest(1))
        let isStopping = Published<Bool>()
        do {
            _ = try await loop.run {
                try SignalSource.onSignals([SIGTERM, SIGINT], loop: loop) { number in
                    if isStopping.value == true { _exit(Status.failure) }
                    isStopping.set(true)
                    continuation.yield(number)
                    continuation.finish()
                }
            }
        } catch {
            logger.critical("cannot watch signals", [.error: .error(error)])
            return
        }
        for await number in signals { logger.notice("stopping", [.signal: .int(number)]) }
    }

    /// Writes all of the text; a reader that has gone is nothing to report to.
    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno != EINTR { return }
            rest = rest.dropFirst(max(0, count))
        }
    }

    private static func help<Program: ServiceProgram>(_ program: Program.Type) -> String {
        var reader = ConfigurationReader.describing()
        _ = RuntimeSettings(&reader, adminAddress: Program.adminAddress)
        _ = Program.settings(&reader)
        var text = "usage: \(Program.name) COMMAND\n\ncommands:\n"
        var commands = [("serve", "runs until SIGTERM")]
        if !Program.migrations.isEmpty { commands.append(("migrate", "brings the database schema up to date")) }
        commands += Program.commands.map { ($0.name, $0.help) }
        commands += [("--help", "this text"), ("--version", "the version")]
        for (name, help) in commands { text += "  \(padded(name, 30))\(help)\n" }
        text += "\nconfiguration, from the environment or a file of KEY=VALUE lines that FLORIN_CONFIG names;\n"
        text += "KEY_FILE names a file that holds the value of KEY:\n"
        for declaration in reader.declarations {
            let fallback = declaration.fallback.map { $0.isEmpty ? " (optional)" : " (default \($0))" } ?? " (required)"
            text += "  \(padded(declaration.key, 30))\(declaration.help)\(fallback)\n"
        }
        return text
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.utf8.count))
    }
}
