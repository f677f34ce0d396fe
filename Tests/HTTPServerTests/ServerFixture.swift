import Dispatch
import EventLoop
import HTTPServer
import Synchronization
import Testing

/// A server on a loop of its own, with a handler that the tests steer by path.
struct ServerFixture: Sendable {
    let loop: EventLoop
    let server: HTTPServer
    let address: SocketAddress
    let events: Events

    /// Runs `body` with a server and takes everything down afterwards.
    static func run(
        isOpen: Bool = true, _ configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        _ body: (ServerFixture) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "http")
        loop.start()
        let events = Events()
        var configuration = HTTPServer.Configuration()
        // Longer than those of the programs, for a machine that is far too slow.
        configuration.headTimeout = .seconds(60)
        configuration.handshakeTimeout = .seconds(60)
        configure(&configuration)
        let handler = TestHandler(loop: loop, events: events)
        let refuse = configuration.refusal
        configuration.refusal = { refusal, head, remote in
            var response = refuse(refusal, head, remote)
            response.whenDone = { events.add("\(refusal)", $0) }
            return response
        }
        let server = HTTPServer(loop: loop, configuration: configuration) { request in
            var response = await handler.answer(request)
            response.whenDone = { events.add(request.path, $0) }
            return response
        }
        var failure: (any Error)?
        do {
            let address = try await server.start(isOpen: isOpen)
            try await body(ServerFixture(loop: loop, server: server, address: address, events: events))
        } catch { failure = error }
        events.openGate()
        await server.drain(deadline: .zero)
        await loop.shutdown()
        if let failure { throw failure }
    }
}

/// What handlers note.
final class Events: Sendable {
    private let notes = Mutex<[String]>([])
    private let ended = Mutex<[(name: String, outcome: HTTPOutcome)]>([])
    private let gate = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))
    let written = Atomic<Int>(0)
    private let stop = DispatchSemaphore(value: 0)

    /// Holds the loop up until `goOn()`.
    func standStill() {
        add("stands still")
        stop.wait()
    }

    func goOn() { stop.signal() }

    func add(_ note: String) { notes.withLock { $0.append(note) } }
    var all: [String] { notes.withLock { $0 } }
    /// What became of requests, by their paths or the rules that they broke.
    var outcomes: [(name: String, outcome: HTTPOutcome)] { ended.withLock { $0 } }
    func add(_ name: String, _ outcome: HTTPOutcome) { ended.withLock { $0.append((name, outcome)) } }
    /// Waits for `open()`, whatever happens to the task.
    func passGate() async {
        await withCheckedContinuation { continuation in
            let isOpen = gate.withLock { gate in
                if !gate.isOpen { gate.waiting.append(continuation) }
                return gate.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func openGate() {
        let waiting = gate.withLock { gate in
            gate.isOpen = true
            defer { gate.waiting = [] }
            return gate.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func has(_ note: String) -> Bool { all.contains(note) }
}

struct TestHandler: Sendable {
    let loop: EventLoop
    let events: Events

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        switch request.pathSegments.first {
        case "echo": return HTTPResponse(headers: ["X-Count": "\(request.body.count)"], body: .bytes(request.body))
        case "hop":
            await Task { await Task.yield() }.value
            return .text("hopped \(loop.isCurrent)")
        case "wait": return await wait()
        case "stubborn": return await stubborn()
        case "gated":
            events.add("working")
            await events.passGate()
            return .text("done")
        case "big": return HTTPResponse(body: .bytes([UInt8](repeating: 0x78, count: 32 << 20)))
        case "empty": return HTTPResponse(status: 204)
        case "close": return HTTPResponse(headers: ["Connection": "close"], body: .bytes(Array("bye".utf8)))
        case "pieces": return HTTPResponse(body: .stream { try await pieces($0) })
        case "unheard": return HTTPResponse(body: .stream { try await unheard($0) })
        case "endless": return HTTPResponse(body: .stream { try await endless($0) })
        case "broken":
            return HTTPResponse(
                body: .stream { writer in
                    try await writer.write("half")
                    throw HTTPServerError(.concurrentWrite)
                })
        case "twice": return HTTPResponse(body: .stream { try await twice($0) })
        case "late": return HTTPResponse(body: .stream { late($0) })
        case "events":
            return HTTPResponse(headers: ["Content-Type": "text/event-stream"], body: .stream { try await ticks($0) })
        default: return .text("Hello")
        }
    }

    /// Answers when cancelled, or after far too long.
    private func wait() async -> HTTPResponse {
        events.add("waiting")
        do {
            try await loop.sleep(for: .seconds(100))
            return .text("waited")
        } catch {
            events.add("cancelled")
            return .text("cancelled", status: 503)
        }
    }

    /// Takes its time whatever happens.
    private func stubborn() async -> HTTPResponse {
        await withCheckedContinuation { continuation in
            loop.schedule(after: .milliseconds(300)) { continuation.resume() }
        }
        return .text("done")
    }

    private func pieces(_ writer: HTTPBodyWriter) async throws {
        for piece in ["one ", "", "two ", "three"] {
            try await writer.write(piece)
            await Task { await Task.yield() }.value
        }
        try await writer.write([UInt8](repeating: 0x2E, count: 20_000))
    }

    /// Writes on after the loop had no time to hear of its client; the pieces are sent one by one where the buffer is small.
    private func unheard(_ writer: HTTPBodyWriter) async throws {
        try await writer.write("a")
        events.standStill()
        let piece = [UInt8](repeating: 0x61, count: 100)
        for _ in 0..<10_000 {
            try await writer.write(piece)
            events.written.add(1, ordering: .relaxed)
        }
        events.add("wrote to nobody")
    }

    private func endless(_ writer: HTTPBodyWriter) async throws {
        defer { events.add("endless ended") }
        let piece = [UInt8](repeating: 0x61, count: 10_000)
        while true {
            try await writer.write(piece)
            events.written.add(piece.count, ordering: .relaxed)
        }
    }

    /// Two writes at the same time: the second is refused while the first waits for the reader.
    private func twice(_ writer: HTTPBodyWriter) async throws {
        async let first: Void = writer.write([UInt8](repeating: 0x61, count: 8 << 20))
        do {
            while true {
                try await writer.write("b")
                await Task.yield()
            }
        } catch let error as HTTPServerError {
            events.add("\(error.code)")
        }
        try await first
    }

    /// Goes on writing after the response has ended.
    private func late(_ writer: HTTPBodyWriter) {
        Task { [events] in
            await events.passGate()
            do { try await writer.write("late") } catch let error as HTTPServerError { events.add("\(error.code)") }
        }
    }

    private func ticks(_ writer: HTTPBodyWriter) async throws {
        defer { events.add("stream ended") }
        try await writer.write("data: first\n\n")
        events.add("streaming")
        while true { try await loop.sleep(for: .seconds(100)) }
    }
}
