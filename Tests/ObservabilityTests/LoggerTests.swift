import Foundation
import Synchronization
import Testing

@testable import Observability

struct LoggerTests {
    @Test func writesOneObjectPerLine() throws {
        let lines = Lines()
        let logger = Logger(service: "test", sink: lines.add).with([.component: "relay"])
        logger.info(
            "queue \"declared\"",
            [
                .queue: "a\nb\u{2028}c\\\u{1}é😀", .count: .int(3), .state: true,
                .duration: .milliseconds(.microseconds(1500)),
            ])
        let object = try lines.object(0)
        #expect(object["level"] as? String == "info")
        #expect(object["service"] as? String == "test")
        #expect(object["message"] as? String == "queue \"declared\"")
        #expect(object["component"] as? String == "relay")
        #expect(object["queue"] as? String == "a\nb\u{2028}c\\\u{1}é😀")
        #expect(object["count"] as? Int == 3)
        #expect(object["state"] as? Bool == true)
        #expect(object["duration_ms"] as? Double == 1.5)
        #expect(object["trace_id"] == nil)
        let time = try #require(object["time"] as? String)
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        #expect(abs(try format.parse(time).timeIntervalSinceNow) < 60)
    }

    @Test func namesTheTrace() throws {
        let lines = Lines()
        let context = TraceContext.root()
        TraceContext.$current.withValue(context) { Logger(service: "test", sink: lines.add).error("failed") }
        #expect(try lines.object(0)["trace_id"] as? String == context.traceID)
    }

    @Test func namesTheRequest() throws {
        let lines = Lines()
        let logger = Logger(service: "test", sink: lines.add)
        RequestID.$current.withValue(RequestID("r-1")) { logger.error("failed") }
        logger.error("failed")
        #expect(try lines.object(0)["request_id"] as? String == "r-1")
        #expect(try lines.object(1)["request_id"] == nil)
    }

    @Test(arguments: Logger.Level.allCases)
    func writesFromItsLevelUp(_ level: Logger.Level) {
        let lines = Lines()
        let logger = Logger(service: "test", level: level, sink: lines.add)
        for level in Logger.Level.allCases { logger.log(level, "line") }
        #expect(lines.all.count == Logger.Level.allCases.count - level.rawValue)
        #expect(logger.isEnabled(level))
        #expect(Logger.Level(name: "\(level)") == level)
    }

    @Test func linesAreBounded() throws {
        let lines = Lines()
        let logger = Logger(service: "test", sink: lines.add)
        let long = String(repeating: "é\"", count: 5000)
        logger.info("cut", [.reason: .string(long), .count: 1])
        logger.info("dropped", [.reason: .string(long), .error: .string(long), .state: .string(long), .count: 1])
        let cut = try lines.object(0)
        #expect(
            (cut["reason"] as? String).map { long.hasPrefix($0) && $0.utf8.count <= LogLine.maximumValueBytes } == true)
        #expect(cut["count"] as? Int == 1)
        #expect(cut["truncated"] as? Bool == true)
        let dropped = try lines.object(1)
        #expect(dropped["state"] == nil)
        #expect(dropped["count"] as? Int == 1)
        #expect(lines.all.allSatisfy { $0.count <= Logger.maximumLineBytes })
    }

    @Test func numbersThatJSONLacksAreText() throws {
        let lines = Lines()
        let logger = Logger(service: "test", sink: lines.add)
        logger.info(
            "n",
            [.count: .double(.nan), .limit: .double(.infinity), .bytes: .int(UInt64.max), .code: .strings(["a", "b"])])
        let object = try lines.object(0)
        #expect(object["count"] as? String == "nan")
        #expect(object["limit"] as? String == "inf")
        #expect(object["bytes"] as? Int64 == .max)
        #expect(object["code"] as? [String] == ["a", "b"])
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
