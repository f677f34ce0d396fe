package import Contracts
package import GRPC
package import Idempotency
package import Postgres

/// Performs calls that honour `Idempotency-Key`: the same request again gets the first answer again, and no second effect.
package struct IdempotentCalls: Sendable {
    /// Metadata in which the gateway passes the key on.
    package static let keyMetadata = "idempotency-key"
    /// Metadata in which the gateway passes on what tells whether two requests are the same.
    package static let fingerprintMetadata = "idempotency-fingerprint"
    /// Trailing metadata, `true` on an answer that was given before.
    package static let replayedMetadata = "idempotency-replayed"

    /// What is done to answers that must not be kept as they are.
    package struct Seal: Sendable {
        fileprivate let seal: @Sendable ([UInt8]) -> [UInt8]
        fileprivate let open: @Sendable ([UInt8]) throws -> [UInt8]

        /// - Parameters:
        ///   - seal: encrypts an answer.
        ///   - open: undoes it.
        package init(
            seal: @escaping @Sendable ([UInt8]) -> [UInt8], open: @escaping @Sendable ([UInt8]) throws -> [UInt8]
        ) {
            self.seal = seal
            self.open = open
        }
    }

    private let pool: PostgresPool
    private let running = RunningKeys()

    /// - Parameter pool: of the schema that holds the effects and `IdempotencyRecords`.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Runs `body`, or gives the answer that it gave before.
    ///
    /// `body` makes the effect. It passes the answer to the closure it gets, before the effect, and writes the receipt that
    /// comes back in the transaction of the effect. There is no receipt for a call without a key.
    ///
    /// A caller whose access has ended is told what was answered before, and nothing is done for them.
    ///
    /// A repetition that comes while the first call runs takes no connection of the pool, wherever it is noticed.
    ///
    /// - Throws: 422 `idempotency_key_reused` where the key stands for another request, 409 `idempotency_in_progress` while
    ///   the first call with the key runs; what `body` throws otherwise.
    package func perform<Answer: ContractMessage>(
        caller: Caller, context: ServerContext,
        _ body: (@Sendable (Answer) throws -> IdempotencyReceipt?) async throws -> Answer
    ) async throws -> Answer {
        try await perform(key: Self.key(caller, context.metadata), context: context, body)
    }

    /// As `perform(caller:context:_:)`, for calls whose service says whose key it is; nil for a call without a key.
    ///
    /// - Parameters:
    ///   - seal: for an answer that holds secrets.
    ///   - compared: is told whether a request is the one that the key stands for, before anybody else learns it; what it
    ///     throws is the answer. For requests in which there is something to guess.
    package func perform<Answer: ContractMessage>(
        key: IdempotencyKey?, seal: Seal? = nil, compared: (_ isSame: Bool) throws -> Void = { _ in },
        context: ServerContext,
        _ body: (@Sendable (Answer) throws -> IdempotencyReceipt?) async throws -> Answer
    ) async throws -> Answer {
        let isOver = context.metadata[Caller.endedMetadata] != nil
        guard let key else {
            if isOver { throw ProblemDetails.unauthenticated() }
            return try await body { _ in nil }
        }
        guard running.enter(key) else { throw Self.inProgress }
        defer { running.leave(key) }
        if let answer: Answer = try await recorded(key, seal, compared, context) { return answer }
        if isOver { throw ProblemDetails.unauthenticated() }
        do {
            return try await body { answer in
                let bytes = try answer.serialized()
                return IdempotencyReceipt(key: key, answer: seal?.seal(bytes) ?? bytes)
            }
        } catch  where IdempotencyRecords.isInProgress(error) {
            throw Self.inProgress
        } catch  where IdempotencyRecords.isTaken(error) || !(error is PostgresError) {
            // The same call through another process may have committed first: then its effect is what this one met.
            guard let answer: Answer = try await recorded(key, seal, compared, context) else { throw error }
            return answer
        }
    }

    private static var inProgress: ProblemDetails {
        ProblemDetails(
            code: "idempotency_in_progress", status: 409, detail: "The first request with this key is still running.",
            retryAfter: 1)
    }

    private func recorded<Answer: ContractMessage>(
        _ key: IdempotencyKey, _ seal: Seal?, _ compared: (Bool) throws -> Void, _ context: ServerContext
    ) async throws -> Answer? {
        guard let row = try await pool.query(IdempotencyRecords.find(key)).first else { return nil }
        let (fingerprint, answer, hasExpired) = try row.decode(String.self, [UInt8].self, Bool.self)
        if hasExpired {
            _ = try await pool.query(IdempotencyRecords.expire(key))
            return nil
        }
        let isSame = fingerprint == key.fingerprint
        try compared(isSame)
        guard isSame else {
            throw ProblemDetails(
                code: "idempotency_key_reused", status: 422, detail: "The key was used for another request before.")
        }
        context.setTrailingMetadata([Self.replayedMetadata: "true"])
        return try Answer(serialized: seal?.open(answer) ?? answer)
    }

    private static func key(_ caller: Caller, _ metadata: GRPCMetadata) -> IdempotencyKey? {
        guard let key = metadata[keyMetadata], let fingerprint = metadata[fingerprintMetadata] else { return nil }
        return IdempotencyKey(userID: caller.userID, key: key, fingerprint: fingerprint)
    }
}
