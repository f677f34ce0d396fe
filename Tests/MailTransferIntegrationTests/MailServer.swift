import Foundation
import Synchronization
import Testing
import TestKit

/// Generous: the machine may be slow and busy.
let patience: Duration = .seconds(60)

/// A mail that the server took.
struct ReceivedMail: Sendable, Decodable {
    let from: String
    let to: [String]
    let content: Data
    let isTLS: Bool
    let isAuthenticated: Bool
    let hello: String?
    let subject: String?
    let messageID: String?
    let recipientName: String?
    let text: String?
}

/// `Tests/Interop/smtp/smtp_server.py`.
final class MailServer: Sendable {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private struct Greeting: Decodable { let port: Int }

    let port: Int
    private let process: Process
    private let input: Pipe
    private let mails: Mutex<[ReceivedMail]>

    /// Starts a server, gives it to `body`, stops it, also on failure.
    static func running<Value>(_ arguments: String..., body: (MailServer) async throws -> Value) async throws -> Value {
        let server = try await MailServer(arguments)
        do {
            let value = try await body(server)
            try await server.stop()
            return value
        } catch {
            try await server.stop()
            throw error
        }
    }

    init(_ arguments: [String]) async throws {
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(filePath: try Python.interpreter())
        process.arguments = Python.arguments("smtp/smtp_server.py", arguments)
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let lines = Self.lines(of: output.fileHandleForReading)
        var iterator = lines.makeAsyncIterator()
        guard let first = try await iterator.next() else { throw Failure(description: "the server has not started") }
        port = try JSONDecoder().decode(Greeting.self, from: first).port
        self.process = process
        self.input = input
        mails = Mutex([])
        Thread.detachNewThread { [self] in collect(output.fileHandleForReading) }
    }

    /// What the server has taken, in order.
    var received: [ReceivedMail] { mails.withLock { $0 } }

    func stop() async throws {
        try input.fileHandleForWriting.close()
        try await eventually("the mail server ends") { !process.isRunning }
    }

    private func collect(_ handle: FileHandle) {
        while let line = Self.line(of: handle) {
            do {
                let mail = try JSONDecoder().decode(ReceivedMail.self, from: line)
                mails.withLock { $0.append(mail) }
            } catch {
                Issue.record("the mail server wrote a line that is no mail: \(error)")
            }
        }
    }

    /// The first line alone; the rest stays for `collect`.
    private static func lines(of handle: FileHandle) -> AsyncThrowingStream<Data, any Error> {
        AsyncThrowingStream { continuation in
            Thread.detachNewThread {
                if let line = line(of: handle) { continuation.yield(line) }
                continuation.finish()
            }
        }
    }

    private static func line(of handle: FileHandle) -> Data? {
        var line = Data()
        while let byte = try? handle.read(upToCount: 1), let value = byte.first {
            if value == UInt8(ascii: "\n") { return line }
            line.append(value)
        }
        return nil
    }
}
