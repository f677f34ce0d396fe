package import AuthApplication
package import Chronology
package import Contracts
package import GRPC
package import Observability
import AuthDomain
import ServiceRuntime

/// `florin.auth.v1.ApiTokenService` over the use cases.
package struct ApiTokenAPI: ApiTokenServiceProvider {
    private let createToken: CreateApiToken
    private let listTokens: ListApiTokens
    private let revokeToken: RevokeApiToken
    private let secrets: SecretAnswers
    private let logger: Logger

    package init(
        store: any ApiTokenStore, mint: any ApiTokenMint, clock: any WallClock, secrets: SecretAnswers, logger: Logger
    ) {
        createToken = CreateApiToken(store: store, mint: mint, clock: clock)
        listTokens = ListApiTokens(store: store, clock: clock)
        revokeToken = RevokeApiToken(store: store, clock: clock)
        self.secrets = secrets
        self.logger = logger
    }

    package func listApiTokens(
        _ request: ListApiTokensRequest, context: ServerContext
    ) async throws -> ApiTokenList {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(inSession: context.metadata)
            let page = try await listTokens(caller: caller.userID, limit: request.limit, cursor: request.cursor)
            return ApiTokenList(data: page.items.map { Contracts.ApiToken($0) }, nextCursor: page.next?.text)
        }
    }

    package func createApiToken(
        _ request: CreateApiTokenRequest, context: ServerContext
    ) async throws -> Contracts.ApiToken {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(inSession: context.metadata)
            return try await secrets.perform(caller: caller, isGuarded: false, context: context) { receipt in
                let (token, text) = try await createToken(
                    caller: caller.userID, name: request.name, scopes: request.scopes, expiresAt: request.expiresAt
                ) { try receipt(Contracts.ApiToken($0, text: $1)) }
                return Contracts.ApiToken(token, text: text)
            }
        }
    }

    package func revokeApiToken(_ request: RevokeApiTokenRequest, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(inSession: context.metadata)
            return try await secrets.perform(caller: caller, isGuarded: false, context: context) { receipt in
                try await revokeToken(caller: caller.userID, id: request.id, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }
}

/// `florin.auth.v1.AccessService` over the use cases.
package struct AccessAPI: AccessServiceProvider {
    private let resolveToken: ResolveApiToken
    private let revocations: ListRevocations
    private let logger: Logger

    package init(
        tokens: any ApiTokenStore, mint: any ApiTokenMint, revocations: any RevocationStore, clock: any WallClock,
        logger: Logger
    ) {
        resolveToken = ResolveApiToken(store: tokens, mint: mint, clock: clock)
        self.revocations = ListRevocations(store: revocations, clock: clock)
        self.logger = logger
    }

    package func resolveApiToken(
        _ request: ResolveApiTokenRequest, context: ServerContext
    ) async throws -> ApiTokenIdentity {
        try await context.answerOrRefuse(logger: logger) {
            let bearer = try await resolveToken(request.token)
            return ApiTokenIdentity(
                tokenID: bearer.tokenID.description, userID: bearer.userID.description,
                roles: bearer.roles.map(\.rawValue), scopes: bearer.scopes.map(\.rawValue),
                expiresAt: bearer.expiresAt?.description)
        }
    }

    package func listRevocations(
        _ request: ListRevocationsRequest, context: ServerContext
    ) async throws -> RevocationList {
        try await context.answerOrRefuse(logger: logger) {
            let (page, now) = try await revocations(since: request.since, cursor: request.cursor)
            return RevocationList(
                sessionIDs: page.sessions.map(\.description),
                changes: page.changes.map { change in
                    AccessChange(
                        userID: change.userID.description, status: change.status.rawValue,
                        roles: change.roles.map(\.rawValue), changedAt: change.changedAt.description)
                },
                removedUserIDs: page.removedUsers.map(\.description), listedAt: now.description,
                nextCursor: page.next?.text)
        }
    }
}

extension Contracts.ApiToken {
    /// - Parameter text: the token itself, in the answer that creates it.
    init(_ token: AuthDomain.ApiToken, text: String? = nil) {
        self.init(
            id: token.id.description, name: token.name, scopes: token.scopes.map(\.rawValue),
            expiresAt: token.expiresAt?.description, lastUsedAt: token.lastUsedAt?.description,
            createdAt: token.createdAt.description, token: text)
    }
}
