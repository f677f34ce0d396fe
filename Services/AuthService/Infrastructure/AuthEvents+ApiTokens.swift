import AuthDomain
import Chronology
import Messaging
import ServiceRuntime
import struct Contracts.ApiTokenCreatedV1
import struct Contracts.ApiTokenRevokedV1

extension AuthEvents {
    static func apiTokenCreated(_ token: ApiToken, sequence: Int64) throws -> OutboxEvent {
        try OutboxEvent(
            ApiTokenCreatedV1(
                userID: token.userID.description, tokenID: token.id.description, scopes: token.scopes.map(\.rawValue),
                createdAt: token.createdAt.description),
            service: "auth", subject: token.userID, user: token.userID, sequence: sequence, time: token.createdAt)
    }

    static func apiTokensRevoked(
        _ ids: [UUIDv7], of userID: UUIDv7, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        try OutboxEvent(
            ApiTokenRevokedV1(
                userID: userID.description, tokenIDs: ids.map(\.description), revokedAt: now.description),
            service: "auth", subject: userID, user: userID, sequence: sequence, time: now)
    }
}
