import Chronology
import Contracts
import EventLoop
import GRPC
import Glibc
import Observability
import Secrets
import Testing
import Tokens

/// The services behind a gateway, as far as these tests need them, on one address.
final class Backend: Sendable {
    static let issuer = "https://florin.example"

    let address: SocketAddress
    private let loop: EventLoop
    private let server: GRPCServer

    /// Starts it; at an address where one was before, when that is given.
    init(at address: SocketAddress = .loopback(port: 0), key: RSAPrivateKey) async throws {
        let jwk = JsonWebKey(
            kty: "RSA", kid: "k1", use: "sig", alg: "RS256", n: Base64URL.encode(key.publicKey.modulus),
            e: Base64URL.encode(key.publicKey.exponent))
        let keys = try Contracts.KeySet(keys: [jwk]).serialized()
        let expenses = try ExpenseList(data: [Expense(id: "e1")]).serialized()
        loop = try EventLoop(name: "backend")
        loop.start()
        server = GRPCServer(
            loop: loop, configuration: .init(address: address),
            services: [
                Service(name: "florin.auth.v1.AuthService", handlers: ["GetKeySet": .unary { _, _ in keys }]),
                Service(
                    name: "florin.expense.v1.ExpenseService", handlers: ["ListExpenses": .unary { _, _ in expenses }]),
            ], logger: .silent)
        self.address = try await server.start()
    }

    func stop() async {
        await server.shutdown(grace: .seconds(1))
        await loop.shutdown()
    }

    /// A token as the auth service makes it.
    static func token(_ key: RSAPrivateKey, user: UUIDv7, session: UUIDv7 = .make()) throws -> String {
        let now = SystemClock().now()
        let identity = Identity(
            userID: user, sessionID: session, scopes: ["expenses:read", "events:read"], roles: ["user"],
            expiresAt: now + .seconds(900))
        return try JWTSigner(key: key, keyID: "k1", issuer: issuer).sign(
            AccessTokenClaims(identity: identity, tokenID: .make(), issuedAt: now))
    }

    private struct Service: GRPCService {
        let name: String
        let handlers: [String: GRPCHandler]
    }
}

/// A loopback address whose port was free a moment ago.
func freeAddress() throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
            unsafe bind(descriptor, raw, length) | getsockname(descriptor, raw, &length)
        }
    }
    try #require(status == 0)
    return "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
}
