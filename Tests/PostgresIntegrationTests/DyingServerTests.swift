import EventLoop
import Postgres
import Testing

/// A server that says why it goes, as at an immediate stop, and resets the connection in the same breath.
@Suite struct DyingServerTests {
    @Test func aLastWordBeforeAResetDoesNotHideTheReset() async throws {
        let loop = try EventLoop(name: "test")
        loop.start()
        let server = DyingServer()
        let listener = try await onLoop(loop) {
            try TCPListener.listen(on: try SocketAddress(parsing: "127.0.0.1:0"), loop: loop) { server.serve($0) }
        }
        var configuration = try PostgresPool.Configuration(
            url: "postgres://a:b@127.0.0.1:\(listener.localAddress.port)/d")
        configuration.callTimeout = .seconds(20)
        configuration.maximumConnections = 1
        let pool = try PostgresPool(loop: loop, configuration: configuration, logger: .silent)
        await pool.start()
        // Were the connection taken for a live one, the call would wait for its bound and time out.
        let error = await postgresError { try await pool.query("SELECT 1") }
        #expect(error?.code == .connectionLost)
        await pool.shutdown(grace: .zero)
        await listener.close()
        await loop.shutdown()
    }
}

private func onLoop<Value: Sendable>(
    _ loop: EventLoop, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        loop.execute { continuation.resume(with: Result { try body() }) }
    }
}

/// Lets everybody in (PostgreSQL's protocol 3.0, message formats) and dies of the first query.
// @unchecked Sendable: used on the loop's thread only.
private final class DyingServer: TransportDelegate, @unchecked Sendable {
    private static let welcome: [UInt8] = [0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5A, 0, 0, 0, 5, 0x49]
    private static let lastWord: [UInt8] = {
        let fields = Array("SWARNING\0C57P02\0Mterminating\0\0".utf8)
        return [0x4E, 0, 0, 0, UInt8(4 + fields.count)] + fields
    }()

    private var welcomed: [any Transport] = []
    private var arrived: [TCPConnection] = []

    func serve(_ connection: TCPConnection) {
        arrived.append(connection)
        connection.delegate = self
        connection.startReading()
    }

    func connection(_ connection: any Transport, didReceive bytes: RawSpan) {
        guard welcomed.contains(where: { $0 === connection }) else {
            welcomed.append(connection)
            return connection.write(Self.welcome)
        }
        connection.write(Self.lastWord)
        connection.abort()
    }

    func connectionDidReachEOF(_ connection: any Transport) {}
    func connectionDidDrain(_ connection: any Transport) {}
    func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) {}
}
