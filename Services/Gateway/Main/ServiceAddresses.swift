import EventLoop
import GRPC
import Observability
import ServiceRuntime

/// Where a service is reached: one or more of `host:port`, each a numeric address or a name that can stand for several.
struct ServiceAddresses: Sendable {
    /// How long a look-up may take, and how often names are looked up: the addresses of services come and go.
    private static let timeout = Duration.seconds(5)
    private static let interval = Duration.seconds(10)
    private static let retry = Duration.seconds(1)

    private let entries: [String]

    init(entries: [String]) { self.entries = entries }

    /// Reads a comma-separated list.
    static func parse(_ text: String) -> Result<ServiceAddresses, FileFault> {
        let entries = text.split(separator: ",", omittingEmptySubsequences: false).map { entry in
            String(entry.filter { $0 != " " })
        }
        for entry in entries where !isWellFormed(entry) {
            return .failure(FileFault("must be host:port, or several with commas between them"))
        }
        return .success(ServiceAddresses(entries: entries))
    }

    private static func isWellFormed(_ entry: String) -> Bool {
        guard let colon = entry.lastIndex(of: ":"), colon != entry.startIndex else { return false }
        guard let port = UInt16(entry[entry.index(after: colon)...]), port > 0 else { return false }
        let host = entry[..<colon]
        if host.hasPrefix("[") { return numeric(entry) != nil }
        let isName = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            default: false
            }
        }
        // What looks like an IPv4 address has to be one.
        return isName && (numeric(entry) != nil || !host.allSatisfy { $0.isNumber || $0 == "." })
    }

    private static func numeric(_ entry: String) -> SocketAddress? {
        do {
            return try SocketAddress(parsing: entry)
        } catch {
            return nil
        }
    }

    /// The numeric ones.
    var known: [SocketAddress] { entries.compactMap(Self.numeric) }

    /// Whether there is a name among them.
    var hasNames: Bool { known.count < entries.count }

    /// Tells a channel the addresses that the names stand for, again and again, until the task is cancelled. While a name
    /// cannot be looked up the addresses that were known go on.
    func watch(for channel: GRPCChannel, on loop: EventLoop, logger: Logger) async {
        var failed = false
        while !Task.isCancelled {
            do {
                var addresses: [SocketAddress] = []
                for entry in entries { addresses += try await loop.resolve(entry, timeout: Self.timeout) }
                channel.update(targets: addresses)
                failed = false
            } catch is CancellationError {
                return
            } catch {
                if !failed { logger.warning("name not resolved", [.error: .error(error)]) }
                failed = true
            }
            do { try await loop.sleep(for: failed ? Self.retry : Self.interval) } catch { return }
        }
    }
}

extension ConfigurationReader {
    /// Where a service is reached.
    mutating func service(
        _ key: StaticString, _ help: StaticString, default fallback: String
    ) -> ServiceAddresses {
        value(key, help, default: fallback, standIn: ServiceAddresses(entries: []), parse: ServiceAddresses.parse)
    }
}
