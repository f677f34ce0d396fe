import Chronology
import CloudEvents
import Foundation
import JSON
import Testing

/// The PyPI package `cloudevents` reads what is written here, and what it writes is read here.
@Suite(.enabled(if: PythonInterop.isAvailable, "needs the PyPI package cloudevents; `make setup` installs it"))
struct PythonInteropTests {
    @Test func structuredEvents() throws {
        let events = [
            try florinEvent(), try florinEvent(data: .binary([1, 2, 3])), try florinEvent(data: nil),
            try CloudEvent(
                id: "ü\"\\", source: "/s", type: "t", time: Timestamp(secondsSinceEpoch: 0),
                dataContentType: "text/plain", data: .text("naïve \u{1F4B6}")),
        ]
        let lines = events.map { event -> String in
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("mode")
            writer.string("structured")
            writer.key("body")
            writer.string(String(decoding: CloudEventJSONCodec.encode(event), as: UTF8.self))
            writer.endObject()
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        try expectSame(events, try PythonInterop.run(lines))
    }

    @Test(arguments: [CloudEventBinaryMode.Prefix.colon, .underscore])
    func binaryEvents(prefix: CloudEventBinaryMode.Prefix) throws {
        let event = try florinEvent()
        let message = CloudEventBinaryMode.encode(event, prefix: prefix)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("mode")
        writer.string("binary")
        writer.key("content_type")
        writer.string(message.contentType)
        writer.key("headers")
        writer.beginObject()
        for header in message.headers {
            writer.key(text: header.name)
            switch header.value {
            case .string(let text): writer.string(text)
            case .integer(let value): writer.int(Int64(value))
            case .boolean(let value): writer.bool(value)
            case .binary: writer.string("AAH/")
            }
        }
        writer.endObject()
        writer.key("body")
        writer.string(String(decoding: message.body, as: UTF8.self))
        writer.endObject()
        try expectSame([event], try PythonInterop.run([String(decoding: writer.bytes, as: UTF8.self)]))
    }

    private func expectSame(_ events: [CloudEvent], _ lines: [String]) throws {
        try #require(lines.count == events.count)
        for (event, line) in zip(events, lines) {
            let seen = try CloudEventJSONCodec.decode(Array(line.utf8))
            #expect(seen.id == event.id)
            #expect(seen.source == event.source)
            #expect(seen.type == event.type)
            #expect(seen.subject == event.subject)
            #expect(seen.time == event.time)
            #expect(seen.dataContentType == event.dataContentType)
            #expect(seen.dataSchema == event.dataSchema)
            #expect(seen.sequence == event.sequence)
            #expect(seen.partitionKey == event.partitionKey)
            #expect(seen[extension: "unknown"] == event[extension: "unknown"])
            #expect(withoutSpace(seen.data) == withoutSpace(event.data))
        }
    }

    private func withoutSpace(_ data: CloudEvent.Data?) -> CloudEvent.Data? {
        guard case .json(let bytes) = data else { return data }
        return .json(bytes.filter { $0 != 0x20 })
    }
}

/// Runs the script of `Tests/Interop/cloudevents` with the project's Python.
enum PythonInterop {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let interpreter: String = {
        if let path = ProcessInfo.processInfo.environment["FLORIN_PYTHON"] { return path }
        return root.appending(path: ".venv/bin/python").path(percentEncoded: false)
    }()

    static let isAvailable: Bool = {
        guard let (status, _) = try? execute(["-c", "import cloudevents.core"], input: "") else { return false }
        return status == 0
    }()

    static func run(_ lines: [String]) throws -> [String] {
        let script = root.appending(path: "Tests/Interop/cloudevents/read_events.py").path(percentEncoded: false)
        let (status, output) = try execute([script], input: lines.joined(separator: "\n") + "\n")
        try #require(status == 0)
        return output.split(separator: "\n").map(String.init)
    }

    static func execute(
        _ arguments: [String], input: String, program: String = interpreter
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let standardInput = Pipe()
        let standardOutput = Pipe()
        process.standardInput = standardInput
        process.standardOutput = standardOutput
        process.standardError = FileHandle.nullDevice
        try process.run()
        try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try standardInput.fileHandleForWriting.close()
        let output = standardOutput.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
