package import EventLoop

/// Reads a program's settings, key by key, and gathers everything that is wrong.
///
/// A program reads all of its settings in one function and calls `finish()` at the end. While there are faults the values
/// returned are stand-ins; nobody sees them, because `finish()` throws. The same function, run on `describing()`, tells
/// `--help` which keys there are.
package struct ConfigurationReader {
    /// A key as `--help` shows it.
    package struct Declaration: Sendable, Equatable {
        package let key: String
        package let help: String
        /// The default as text; nil when the key must be set.
        package let fallback: String?
        package let isSecret: Bool
        /// The value in effect, `(set)` for a secret; nil while describing and for a fault.
        package fileprivate(set) var value: String?
    }

    /// The keys read so far, in their order.
    package private(set) var declarations: [Declaration] = []
    private var faults: [String]
    private let source: ConfigurationSource?

    /// Reads from a source.
    package init(_ source: ConfigurationSource) {
        self.source = source
        faults = source.faults
    }

    private init() {
        source = nil
        faults = []
    }

    /// A reader that only takes down which keys are asked for.
    package static func describing() -> ConfigurationReader { ConfigurationReader() }

    /// A text; must be set when there is no default.
    package mutating func string(_ key: StaticString, _ help: StaticString, default fallback: String? = nil) -> String {
        read(key, help, fallback: fallback, standIn: "") { .success($0) }
    }

    /// A text that may be absent.
    package mutating func optionalString(_ key: StaticString, _ help: StaticString) -> String? {
        let value = read(key, help, fallback: "", standIn: "") { .success($0) }
        return value.isEmpty ? nil : value
    }

    /// A text that no summary shows; must be set.
    package mutating func secret(_ key: StaticString, _ help: StaticString) -> String {
        read(key, help, fallback: nil, standIn: "", isSecret: true) { .success($0) }
    }

    /// A whole number in a range.
    package mutating func int(
        _ key: StaticString, _ help: StaticString, default fallback: Int? = nil, in range: ClosedRange<Int>
    ) -> Int {
        read(key, help, fallback: fallback.map(String.init), standIn: range.lowerBound) { text in
            guard let number = Int(text), range.contains(number) else {
                return .failure(FileFault("must be a whole number from \(range.lowerBound) to \(range.upperBound)"))
            }
            return .success(number)
        }
    }

    /// `true` or `false`.
    package mutating func bool(_ key: StaticString, _ help: StaticString, default fallback: Bool) -> Bool {
        read(key, help, fallback: String(fallback), standIn: fallback) { text in
            Bool(text).map(Result.success) ?? .failure(FileFault("must be true or false"))
        }
    }

    /// A number of milliseconds.
    package mutating func milliseconds(
        _ key: StaticString, _ help: StaticString, default fallback: Int, in range: ClosedRange<Int>
    ) -> Duration {
        .milliseconds(int(key, help, default: fallback, in: range))
    }

    /// One of some words.
    package mutating func choice<Value: Sendable>(
        _ key: StaticString, _ help: StaticString, default fallback: String, _ choices: KeyValuePairs<String, Value>,
        standIn: Value
    ) -> Value {
        read(key, help, fallback: fallback, standIn: standIn) { text in
            if let match = choices.first(where: { $0.key == text }) { return .success(match.value) }
            return .failure(FileFault("must be one of " + choices.map(\.key).joined(separator: ", ")))
        }
    }

    /// An address with port, `127.0.0.1:8081` or `[::1]:8081`.
    package mutating func address(_ key: StaticString, _ help: StaticString, default fallback: String? = nil)
        -> SocketAddress
    {
        read(key, help, fallback: fallback, standIn: .loopback(port: 0), parse: ConfigurationReader.parseAddress)
    }

    /// Addresses divided by commas, at least one.
    package mutating func addresses(_ key: StaticString, _ help: StaticString, default fallback: String? = nil)
        -> [SocketAddress]
    {
        read(key, help, fallback: fallback, standIn: []) { text in
            var result: [SocketAddress] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                switch ConfigurationReader.parseAddress(String(part).filter { $0 != " " }) {
                case .success(let address): result.append(address)
                case .failure(let fault): return .failure(fault)
                }
            }
            return .success(result)
        }
    }

    /// A value of any other kind.
    ///
    /// - Parameter parse: returns the value or why the text is not one; the reason must not repeat a secret.
    package mutating func value<Value>(
        _ key: StaticString, _ help: StaticString, default fallback: String? = nil, standIn: Value,
        isSecret: Bool = false, parse: (String) -> Result<Value, FileFault>
    ) -> Value {
        read(key, help, fallback: fallback, standIn: standIn, isSecret: isSecret, parse: parse)
    }

    /// Adds a fault that only several keys together show.
    package mutating func fault(_ text: String) { faults.append(text) }

    /// - Throws: all faults at once.
    package func finish() throws(ConfigurationFailure) {
        if !faults.isEmpty { throw ConfigurationFailure(faults: faults) }
    }

    private mutating func read<Value>(
        _ key: StaticString, _ help: StaticString, fallback: String?, standIn: Value, isSecret: Bool = false,
        parse: (String) -> Result<Value, FileFault>
    ) -> Value {
        let key = key.description
        var declaration = Declaration(key: key, help: help.description, fallback: fallback, isSecret: isSecret)
        defer { declarations.append(declaration) }
        guard let source else { return standIn }
        let text: String
        switch source.value(key) ?? fallback.map(Result.success) {
        case .success(let found): text = found
        case .failure(let fault): return faulty(key, fault, standIn)
        case nil: return faulty(key, FileFault("must be set: \(help)"), standIn)
        }
        switch text.isEmpty && fallback == "" ? nil : parse(text) {
        case .success(let value):
            declaration.value = isSecret ? "(set)" : ConfigurationReader.redacted(text)
            return value
        case .failure(let fault): return faulty(key, fault, standIn)
        case nil: return standIn
        }
    }

    private mutating func faulty<Value>(_ key: String, _ fault: FileFault, _ standIn: Value) -> Value {
        faults.append("\(key) \(fault)")
        return standIn
    }

    private static func parseAddress(_ text: String) -> Result<SocketAddress, FileFault> {
        do {
            return .success(try SocketAddress(parsing: text))
        } catch {
            return .failure(FileFault("must be an address with a port, such as 127.0.0.1:8081"))
        }
    }

    /// Hides the password of a URL.
    static func redacted(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://"), let at = text[scheme.upperBound...].lastIndex(of: "@") else {
            return text
        }
        let account = text[scheme.upperBound..<at]
        guard let colon = account.firstIndex(of: ":") else { return text }
        return text[...colon] + "***" + text[at...]
    }
}

/// Everything that is wrong with the configuration.
package struct ConfigurationFailure: Error, CustomStringConvertible {
    /// One line each; without the values.
    package let faults: [String]

    package init(faults: [String]) { self.faults = faults }

    package var description: String { faults.joined(separator: "\n") }
}
