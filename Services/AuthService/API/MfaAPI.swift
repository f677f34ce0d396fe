package import AuthApplication
package import Chronology
package import Contracts
package import GRPC
package import Observability
import AuthDomain
import ServiceRuntime

/// `florin.auth.v1.MfaService` over the use cases.
package struct MfaAPI: MfaServiceProvider {
    /// Everything that the service can do.
    package struct UseCases: Sendable {
        fileprivate let completeLogin: CompleteLogin
        fileprivate let beginTotp: BeginTotp
        fileprivate let confirmTotp: ConfirmTotp
        fileprivate let removeTotp: RemoveTotp
        fileprivate let replaceRecoveryCodes: ReplaceRecoveryCodes

        /// All of them over these ports.
        package init(
            factors: any MfaStore, oneTimePasswords: any OneTimePasswords, confirmPassword: ConfirmPassword,
            opening: SessionOpening, mint: any TokenMint, clock: any WallClock
        ) {
            completeLogin = CompleteLogin(
                factors: factors, oneTimePasswords: oneTimePasswords, opening: opening, mint: mint, clock: clock)
            beginTotp = BeginTotp(
                confirmPassword: confirmPassword, factors: factors, oneTimePasswords: oneTimePasswords, clock: clock)
            confirmTotp = ConfirmTotp(factors: factors, oneTimePasswords: oneTimePasswords, clock: clock)
            removeTotp = RemoveTotp(confirmPassword: confirmPassword, factors: factors, clock: clock)
            replaceRecoveryCodes = ReplaceRecoveryCodes(
                confirmPassword: confirmPassword, factors: factors, oneTimePasswords: oneTimePasswords, clock: clock)
        }
    }

    private let useCases: UseCases
    private let secrets: SecretAnswers
    private let logger: Logger

    package init(useCases: UseCases, secrets: SecretAnswers, logger: Logger) {
        self.useCases = useCases
        self.secrets = secrets
        self.logger = logger
    }

    package func completeLogin(_ request: MfaLoginRequest, context: ServerContext) async throws -> SignIn {
        try await context.answerOrRefuse(logger: logger) {
            try await secrets.perform(caller: .bearer(of: request.mfaChallenge), context: context) { receipt in
                SignIn(
                    try await useCases.completeLogin(
                        challenge: request.mfaChallenge, code: request.code,
                        client: ClientDescription(context.metadata)
                    ) { try receipt(SignIn($0)) })
            }
        }
    }

    package func beginTotp(_ request: PasswordProof, context: ServerContext) async throws -> TotpSecret {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(inSession: context.metadata)
            return try await secrets.perform(caller: caller, context: context) { receipt in
                let enrolment = try await useCases.beginTotp(caller: caller.userID, password: request.password) {
                    try receipt(TotpSecret($0))
                }
                return TotpSecret(enrolment)
            }
        }
    }

    package func confirmTotp(_ request: TotpConfirmation, context: ServerContext) async throws -> RecoveryCodes {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(inSession: context.metadata)
            return try await secrets.perform(caller: caller, context: context) { receipt in
                RecoveryCodes(
                    codes: try await useCases.confirmTotp(caller: caller.userID, code: request.code) {
                        try receipt(RecoveryCodes(codes: $0))
                    })
            }
        }
    }

    package func removeTotp(_ request: PasswordProof, context: ServerContext) async throws -> Empty {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(inSession: context.metadata)
            return try await secrets.perform(caller: caller, context: context) { receipt in
                try await useCases.removeTotp(
                    caller: caller.userID, password: request.password, receipt: receipt(Empty()))
                return Empty()
            }
        }
    }

    package func replaceRecoveryCodes(
        _ request: PasswordProof, context: ServerContext
    ) async throws -> RecoveryCodes {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(inSession: context.metadata)
            return try await secrets.perform(caller: caller, context: context) { receipt in
                RecoveryCodes(
                    codes: try await useCases.replaceRecoveryCodes(
                        caller: caller.userID, password: request.password
                    ) { try receipt(RecoveryCodes(codes: $0)) })
            }
        }
    }
}

extension TotpSecret {
    init(_ enrolment: TotpEnrolment) {
        self.init(secret: enrolment.secret, otpauthUri: enrolment.uri)
    }
}

extension Caller {
    /// The caller of what asks for somebody who signed in.
    ///
    /// - Parameter isRepeating: whether it may be what ended the caller's access, as in `init(repeating:)`.
    /// - Throws: 401 without a caller, `AuthRefusal.noSession` for a personal API token.
    init(inSession metadata: GRPCMetadata, isRepeating: Bool = false) throws {
        self = isRepeating ? try Caller(repeating: metadata) : try Caller(metadata)
        if sessionID == nil { throw AuthRefusal.noSession }
    }
}

extension ClientDescription {
    init(_ metadata: GRPCMetadata) {
        self.init(
            device: metadata[AuthAPI.deviceMetadata] ?? "", address: metadata[AuthAPI.addressMetadata] ?? "")
    }
}
