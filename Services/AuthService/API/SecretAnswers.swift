import Contracts
import GRPC
import Idempotency
package import Secrets
package import ServiceRuntime

/// Idempotent calls whose requests hold passwords or whose answers hold secrets.
///
/// The answer is kept as long as any other, 24 hours, but sealed: a copy of the database shows none of what is told once. The
/// fingerprint of the request is keyed, because a plain SHA-256 over a password would be a way to try passwords out that is much
/// quicker than the one that Argon2id leaves.
package struct SecretAnswers: Sendable {
    private let calls: IdempotentCalls
    private let fingerprintKey: SecretBytes

    /// - Parameters:
    ///   - calls: seals the answers.
    ///   - fingerprintKey: keys what is kept of requests.
    package init(calls: IdempotentCalls, fingerprintKey: SecretBytes) {
        self.calls = calls
        self.fingerprintKey = fingerprintKey
    }

    /// As `IdempotentCalls.perform(caller:context:_:)`.
    func perform<Answer: ContractMessage>(
        caller: Caller, context: ServerContext,
        _ body: (@Sendable (Answer) throws -> IdempotencyReceipt?) async throws -> Answer
    ) async throws -> Answer {
        try await calls.perform(key: key(caller, context.metadata), context: context, body)
    }

    private func key(_ caller: Caller, _ metadata: GRPCMetadata) -> IdempotencyKey? {
        guard let key = metadata[IdempotentCalls.keyMetadata],
            let fingerprint = metadata[IdempotentCalls.fingerprintMetadata]
        else { return nil }
        let keyed = hmacSHA256(Array(fingerprint.utf8), key: fingerprintKey.revealed())
        return IdempotencyKey(userID: caller.userID, key: key, fingerprint: Hex.encode(keyed))
    }
}

extension IdempotentCalls.Seal {
    /// Seals under the key of a box.
    package init(_ box: SecretBox) {
        self.init(seal: { box.seal($0) }, open: { try box.open($0) })
    }
}
