import EventLoop
import Glibc

/// Where values of the configuration come from: the environment first, then a file of `KEY=VALUE` lines.
///
/// `KEY_FILE` names a file whose content is the value of `KEY`: for secrets that another program puts in place.
package struct ConfigurationSource: Sendable {
    private var values: [String: String]
    /// What is wrong with the sources themselves.
    private(set) var faults: [String] = []
    private let readFile: @Sendable (String) -> Result<String, FileFault>

    /// The environment of the process and the file that `FLORIN_CONFIG` names.
    package static func process() -> ConfigurationSource {
        ConfigurationSource(environment: processEnvironment(), readFile: FileFault.read)
    }

    /// A source over that environment.
    ///
    /// - Parameter readFile: reads files; replaced in tests.
    package init(
        environment: [String: String],
        readFile: @escaping @Sendable (String) -> Result<String, FileFault> = FileFault.read
    ) {
        values = environment
        self.readFile = readFile
        guard let path = environment["FLORIN_CONFIG"], !path.isEmpty else { return }
        switch readFile(path) {
        case .success(let text): values.merge(parse(text)) { environment, _ in environment }
        case .failure(let fault): faults.append("FLORIN_CONFIG: \(fault)")
        }
    }

    /// The value of a key, or why it cannot be had; nil when it is not set. An empty value counts as not set.
    func value(_ key: String) -> Result<String, FileFault>? {
        let direct = values[key].flatMap { $0.isEmpty ? nil : $0 }
        guard let path = values[key + "_FILE"], !path.isEmpty else { return direct.map(Result.success) }
        if direct != nil { return .failure(FileFault("is set, and so is \(key)_FILE")) }
        return readFile(path).map { text in
            var content = text[...]
            while content.last?.isNewline == true { content.removeLast() }
            return String(content)
        }
    }

    /// The listening sockets that were handed to the process.
    func inheritedSockets() throws(EventLoopError) -> InheritedSockets { try InheritedSockets(environment: values) }

    /// Lines of a file: blank, `# comment`, or `KEY=VALUE` with optional quotes around the value.
    private mutating func parse(_ text: String) -> [String: String] {
        var found: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = ConfigurationSource.trimmed(line)
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let equals = line.firstIndex(of: "="), equals != line.startIndex else {
                faults.append("FLORIN_CONFIG: line \(index + 1) is not KEY=VALUE")
                continue
            }
            let key = String(ConfigurationSource.trimmed(line[..<equals]))
            let value = ConfigurationSource.unquoted(ConfigurationSource.trimmed(line[line.index(after: equals)...]))
            if found.updateValue(value, forKey: key) != nil {
                faults.append("FLORIN_CONFIG: line \(index + 1) sets \(key) a second time")
            }
        }
        return found
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.count >= 2, let first = text.first, first == "\"" || first == "'", text.last == first else {
            return String(text)
        }
        return String(text.dropFirst().dropLast())
    }

    /// Read from /proc: the C variable `environ` is not safe to touch from several threads.
    private static func processEnvironment() -> [String: String] {
        guard case .success(let bytes) = FileFault.readBytes("/proc/self/environ", limit: 4 << 20) else { return [:] }
        var result: [String: String] = [:]
        for entry in bytes.split(separator: 0) {
            let pair = String(decoding: entry, as: UTF8.self)
            if let equals = pair.firstIndex(of: "=") {
                result[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
        }
        return result
    }
}

/// Why a file of the configuration cannot be read; says nothing of its content.
package struct FileFault: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    private static let maximumBytes = 64 << 10

    /// Reads a text file of at most 64 KiB.
    package static func read(_ path: String) -> Result<String, FileFault> {
        readBytes(path, limit: maximumBytes).flatMap { content in
            String(validating: content, as: UTF8.self).map(Result.success)
                ?? .failure(FileFault("\(path) is not UTF-8"))
        }
    }

    static func readBytes(_ path: String, limit: Int) -> Result<[UInt8], FileFault> {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(FileFault("\(path) cannot be opened: \(reason())")) }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while content.count <= limit {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return .failure(FileFault("\(path) cannot be read: \(reason())")) }
            if count == 0 { return .success(content) }
            content += chunk[..<count]
        }
        return .failure(FileFault("\(path) is larger than \(limit) bytes"))
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
