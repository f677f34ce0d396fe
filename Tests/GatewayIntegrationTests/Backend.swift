import Chronology
import Contracts
import EventLoop
import GRPC
import Observability
import Secrets
import ServersTesting
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
        let revocations = try RevocationList(listedAt: SystemClock().now().description).serialized()
        loop = try EventLoop(name: "backend")
        loop.start()
        var configuration = GRPCServer.Configuration(address: address)
        configuration.maximumMessageBytes = 65 << 20
        server = GRPCServer(
            loop: loop, configuration: configuration,
            services: [
                Service(name: "florin.auth.v1.AuthService", handlers: ["GetKeySet": .unary { _, _ in keys }]),
                Service(
                    name: "florin.auth.v1.AccessService", handlers: ["ListRevocations": .unary { _, _ in revocations }]),
                Service(
                    name: "florin.expense.v1.ExpenseService", handlers: ["ListExpenses": .unary { _, _ in expenses }]),
                Service(
                    name: "florin.portfolio.v1.PortfolioService",
                    handlers: [
                        "ImportPrices": .unary { message, _ in
                            let request = try ImportPricesRequest.read(message)
                            return try PriceImport(rows: Int64(request.content.count)).serialized()
                        }
                    ]),
            ], logger: .silent)
        self.address = try await server.start()
    }

    /// The settings of a gateway in front of it, on addresses that are free; without a broker where none is named.
    func environment(broker: String = "amqp://a:b@127.0.0.1:1/x") throws -> [String: String] {
        let address = address.description
        return [
            "FLORIN_HTTP_LISTEN": try freeAddress(), "FLORIN_ADMIN_LISTEN": try freeAddress(),
            "FLORIN_PUBLIC_URL": Backend.issuer, "FLORIN_AMQP_URL": broker, "FLORIN_AUTH_GRPC": address,
            "FLORIN_EXPENSE_GRPC": address, "FLORIN_PORTFOLIO_GRPC": address, "FLORIN_PROCESSOR_GRPC": address,
        ]
    }

    func stop() async {
        await server.shutdown(grace: .seconds(1))
        await loop.shutdown()
    }

    /// A token as the auth service makes it.
    static func token(_ key: RSAPrivateKey, user: UUIDv7, session: UUIDv7 = .make()) throws -> String {
        let now = SystemClock().now()
        let identity = Identity(
            userID: user, sessionID: session, scopes: ["expenses:read", "events:read", "portfolio:write"],
            roles: ["user"],
            expiresAt: now + .seconds(900))
        return try JWTSigner(key: key, keyID: "k1", issuer: issuer).sign(
            AccessTokenClaims(identity: identity, tokenID: .make(), issuedAt: now))
    }

    private struct Service: GRPCService {
        let name: String
        let handlers: [String: GRPCHandler]
    }
}
