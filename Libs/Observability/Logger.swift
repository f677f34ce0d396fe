import Glibc

/// Writes one JSON object per line: `time`, `level`, `service`, `message`, `trace_id`, `request_id`, then the metadata.
///
/// A message is a `StaticString`, so nothing that came from outside can become part of it; a key is a `LogKey`, and there
/// is none for personal data. A line never grows past `maximumLineBytes`, and goes out in one `write(2)`, so that
/// lines of several threads and processes do not mix.
package struct Logger: Sendable {
    /// How much a line matters.
    package enum Level: Int, Sendable, Comparable, CaseIterable, CustomStringConvertible {
        case trace, debug, info, notice, warning, error, critical

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

        /// The lower-case name, as configuration and log lines have it.
        package var description: String {
            switch self {
            case .trace: "trace"
            case .debug: "debug"
            case .info: "info"
            case .notice: "notice"
            case .warning: "warning"
            case .error: "error"
            case .critical: "critical"
            }
        }

        /// The level of that lower-case name.
        package init?(name: String) {
            guard let level = Level.allCases.first(where: { $0.description == name }) else { return nil }
            self = level
        }
    }

    /// What is said beside the message.
    package typealias Metadata = KeyValuePairs<LogKey, LogValue>

    /// Takes a finished line, with its newline.
    package typealias Sink = @Sendable ([UInt8]) -> Void

    /// The most bytes a line has, newline included: Linux keeps a write to a pipe whole up to this size (PIPE_BUF).
    package static let maximumLineBytes = 4096

    /// Lines below this level are not written.
    package let level: Level
    private let service: String
    private let sink: Sink
    private var bound: [(key: LogKey, value: LogValue)] = []

    /// A logger of that service.
    ///
    /// - Parameter sink: where lines go; standard error unless told otherwise.
    package init(service: String, level: Level = .info, sink: @escaping Sink = Logger.standardError) {
        self.service = service
        self.level = level
        self.sink = sink
    }

    /// A logger that writes nothing, for tests and tools.
    package static let silent = Logger(service: "", level: .critical) { _ in }

    /// The same logger with these pairs on each line.
    package func with(_ metadata: Metadata) -> Logger {
        var copy = self
        copy.bound += metadata.map { (key: $0.key, value: $0.value) }
        return copy
    }

    // A line of the level of that name.
    package func trace(_ message: StaticString, _ metadata: Metadata = [:]) { log(.trace, message, metadata) }
    package func debug(_ message: StaticString, _ metadata: Metadata = [:]) { log(.debug, message, metadata) }
    package func info(_ message: StaticString, _ metadata: Metadata = [:]) { log(.info, message, metadata) }
    package func notice(_ message: StaticString, _ metadata: Metadata = [:]) { log(.notice, message, metadata) }
    package func warning(_ message: StaticString, _ metadata: Metadata = [:]) { log(.warning, message, metadata) }
    package func error(_ message: StaticString, _ metadata: Metadata = [:]) { log(.error, message, metadata) }
    package func critical(_ message: StaticString, _ metadata: Metadata = [:]) { log(.critical, message, metadata) }

    /// True when lines of that level are written: to spare the making of costly metadata.
    package func isEnabled(_ level: Level) -> Bool { level >= self.level }

    /// Writes a line when the level asks for it.
    package func log(_ level: Level, _ message: StaticString, _ metadata: Metadata = [:]) {
        guard level >= self.level else { return }
        var line = LogLine(limit: Logger.maximumLineBytes)
        line.add("time", LogValue.string(LogClock.text()))
        line.add("level", LogValue.string(level.description))
        line.add("service", LogValue.string(service))
        line.add("message", LogValue.string(message.description))
        if let context = TraceContext.current { line.add("trace_id", LogValue.string(context.traceID)) }
        if let id = RequestID.current { line.add("request_id", LogValue.string(id.description)) }
        for (key, value) in bound { line.add(key.name, value) }
        for (key, value) in metadata { line.add(key.name, value) }
        sink(line.finished())
    }

    /// Writes the line to standard error; a line that cannot be written at once is lost rather than waited for.
    package static let standardError: Sink = { line in
        while true {
            let written = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written >= 0 || errno != EINTR { return }
        }
    }
}
