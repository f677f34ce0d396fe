package import AuthApplication
package import Chronology
import Contracts
import GRPC
import Idempotency
package import Secrets
package import ServiceRuntime

/// The idempotent calls of this service: their requests hold passwords and tokens, their answers too.
///
/// What is kept is of use to nobody but the client who has it already. Of the key and of the request there are keyed hashes: a plain
/// SHA-256 over a password would be a way to try passwords out that is much quicker than the one that Argon2id leaves. The
/// answer is sealed under a key that follows from a secret of the service together with the client's own key and request, neither
/// of which is kept: not even the database and the secret together open it.
///
/// Nobody learns anything by trying: a request that is not the one its key stands for counts as a wrong password of whoever
/// has the key, and after too many of them none is compared for a while.
package struct SecretAnswers: Sendable {
    private let calls: IdempotentCalls
    private let throttle: any AttemptThrottle
    private let clock: any WallClock
    private let ownerKey: SecretBytes
    private let nameKey: SecretBytes
    private let fingerprintKey: SecretBytes
    private let sealingKey: SecretBytes

    /// - Parameters:
    ///   - calls: of the schema that holds the effects.
    ///   - throttle: counts requests that are not those their keys stand for.
    ///   - key: a secret of the service for each purpose, 32 bytes.
    package init(
        calls: IdempotentCalls, throttle: any AttemptThrottle, clock: any WallClock,
        key: (StaticString) -> SecretBytes
    ) {
        self.calls = calls
        self.throttle = throttle
        self.clock = clock
        ownerKey = key("idempotency-owners")
        nameKey = key("idempotency-names")
        fingerprintKey = key("idempotency-fingerprints")
        sealingKey = key("idempotency-answers")
    }

    /// Whether a call is to be told its answer again.
    static func isAskedFor(_ metadata: GRPCMetadata) -> Bool { metadata[IdempotentCalls.keyMetadata] != nil }

    /// As `IdempotentCalls.perform(caller:context:_:)`.
    ///
    /// - Parameter isGuarded: false where the request holds nothing that somebody with the caller's token could guess.
    func perform<Answer: ContractMessage>(
        caller: Caller, isGuarded: Bool = true, context: ServerContext,
        _ body: (@Sendable (Answer) throws -> IdempotencyReceipt?) async throws -> Answer
    ) async throws -> Answer {
        try await perform(owner: caller.userID, isGuarded: isGuarded, context: context, body)
    }

    /// As `perform(caller:context:_:)`, for somebody who is not signed in.
    func perform<Answer: ContractMessage>(
        caller: AnonymousCaller, context: ServerContext,
        _ body: (@Sendable (Answer) throws -> IdempotencyReceipt?) async throws -> Answer
    ) async throws -> Answer {
        try await perform(owner: owner(caller), context: context, body)
    }

    /// As `perform(caller:context:_:)`, for a user who has just proven who they are.
    func perform<Answer: ContractMessage>(
        owner: UUIDv7, isGuarded: Bool = true, context: ServerContext,
        _ body: (@Sendable (Answer) throws -> IdempotencyReceipt?) async throws -> Answer
    ) async throws -> Answer {
        guard let key = context.metadata[IdempotentCalls.keyMetadata],
            let fingerprint = context.metadata[IdempotentCalls.fingerprintMetadata]
        else { return try await calls.perform(key: nil, context: context, body) }
        let kept = IdempotencyKey(
            userID: owner, key: Hex.encode(digest(of: key, under: nameKey)),
            fingerprint: Hex.encode(digest(of: fingerprint, under: fingerprintKey)))
        // A key has no spaces.
        let box = try SecretBox(
            key: SecretBytes(copying: digest(of: "\(key) \(fingerprint)", under: sealingKey)))
        return try await calls.perform(
            key: kept, seal: .init(seal: { box.seal($0) }, open: { try box.open($0) }),
            compared: { if isGuarded { try note(isSame: $0, of: owner) } }, context: context, body)
    }

    /// Whose the keys of an address are: an identifier that is always the same for an address and tells nothing of it.
    func owner(ofAddress address: String) -> UUIDv7 { owner(.address(address)) }

    private func owner(_ caller: AnonymousCaller) -> UUIDv7 {
        let number = digest(of: caller.name, under: ownerKey).prefix(16).reduce(
            into: (high: UInt64(0), low: UInt64(0))
        ) { number, byte in
            number = (number.high << 8 | number.low >> 56, number.low << 8 | UInt64(byte))
        }
        return UUIDv7(
            at: Timestamp(millisecondsSinceEpoch: Int64(number.high >> 16)),
            randomA: UInt16(truncatingIfNeeded: number.high), randomB: number.low)
    }

    private func note(isSame: Bool, of owner: UUIDv7) throws {
        let now = clock.now()
        if let wait = throttle.begin([.proof(owner)], at: now) {
            throw AuthRefusal.tooManyAttempts(retryAfter: wait)
        }
        // A repetition proves nothing that would make wrong ones forgotten.
        throttle.settle([.proof(owner)], isSame ? .abandoned : .wrong, at: now)
    }

    private func digest(of text: String, under key: SecretBytes) -> [UInt8] {
        hmacSHA256(Array(text.utf8), key: key.revealed())
    }
}
