package import Postgres

/// One of Florin's processes, as `ServiceMain` runs it.
package protocol ServiceProgram: SendableMetatype {
    /// What the process is told by its configuration.
    associatedtype Settings: Sendable
    /// The program's name, such as `expense-service`.
    static var name: String { get }
    /// The default of FLORIN_ADMIN_LISTEN.
    static var adminAddress: String { get }
    /// The program's schema; empty when it has no database.
    static var migrations: [Migration] { get }
    /// Subcommands beside `serve` and `migrate`.
    static var commands: [ServiceCommand<Settings>] { get }
    /// Reads the settings; run on a describing reader too, for `--help`.
    static func settings(_ reader: inout ConfigurationReader) -> Settings
    /// The composition root of `serve`: asks the host for what the program needs and wires it together. Must not wait.
    static func build(_ host: ServiceHost, _ settings: Settings) throws
}

extension ServiceProgram {
    package static var commands: [ServiceCommand<Settings>] { [] }
}

/// A subcommand of a program that does one thing and ends.
package struct ServiceCommand<Settings: Sendable>: Sendable {
    package let name: String
    /// One line for `--help`, with the arguments.
    package let help: String
    /// The text of `NAME --help`, also told where the arguments are at fault; nil when the line says it all.
    package let usage: String?
    /// Why the arguments cannot be understood, nil when they can; asked before the configuration is read.
    package let fault: @Sendable ([String]) -> String?
    /// Does it; asks the host for what it needs, calls `startComponents`, and returns the exit status. The host is stopped after it.
    package let run: @Sendable (ServiceHost, Settings, [String]) async throws -> Int32

    package init(
        _ name: String, help: String, usage: String? = nil,
        fault: @escaping @Sendable ([String]) -> String? = { _ in nil },
        run: @escaping @Sendable (ServiceHost, Settings, [String]) async throws -> Int32
    ) {
        self.name = name
        self.help = help
        self.usage = usage
        self.fault = fault
        self.run = run
    }
}
