import Foundation
import Synchronization
import Testing

@testable import Observability

struct LoggerTests {
    @Test func writesOneObjectPerLine() throws {
        let lines = Lines()
        let logger = Logger(service: "test", sink: lines.add).with([.component: "relay"])
        logger.info("queue \"declared\"", [.queue: "a\nb\u{2028}c\\", .count: .int(3), .state: true])
        let object = try lines.object(0)
        #expect(object["level"] as? String == "info")
        #expect(object["service"] as? String == "test")
        #expect(object["message"] as? String == "queue \"declared\"")
        #expect(object["component"] as? String == "relay")
        #expect(object["queue"] as? String == "a\nb\u{2028}c\\")
        #expect(object["count"] as? Int == 3)
        #expect(object["state"] as? Bool == true)
        #expect(object["trace_id"] == nil)
    }
}

/// Collects what a logger writes.
final class Lines: Sendable {
    private let lines = Mutex<[[UInt8]]>([])
    var add: Logger.Sink { { line in self.lines.withLock { $0.append(line) } } }
    var all: [[UInt8]] { lines.withLock { $0 } }

    /// The line of that index, parsed.
    func object(_ index: Int) throws -> [String: Any] {
        let line = try #require(all.indices.contains(index) ? all[index] : nil)
        #expect(line.last == 0x0A)
        #expect(line.dropLast().contains(0x0A) == false)
        return try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }
}
