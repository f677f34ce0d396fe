package import AuthApplication
package import Contracts
package import GRPC
package import Observability
import AuthDomain
import ServiceRuntime
import Validation

/// `florin.auth.v1.UserService` over the use cases.
package struct UsersAPI: UserServiceProvider {
    private let updateProfile: UpdateProfile
    private let eraseAccount: EraseAccount
    private let getErasure: GetErasure
    private let secrets: SecretAnswers
    private let logger: Logger

    package init(
        updateProfile: UpdateProfile, eraseAccount: EraseAccount, getErasure: GetErasure, secrets: SecretAnswers,
        logger: Logger
    ) {
        self.updateProfile = updateProfile
        self.eraseAccount = eraseAccount
        self.getErasure = getErasure
        self.secrets = secrets
        self.logger = logger
    }

    package func updateMe(_ request: UpdateMeRequest, context: ServerContext) async throws -> Contracts.User {
        try await context.answerOrRefuse(logger: logger) {
            let change = ProfileChange(
                displayName: request.displayName, baseCurrency: request.baseCurrency, locale: request.locale,
                timeZone: request.timeZone)
            let caller = try Caller(context.metadata)
            return try await secrets.perform(caller: caller, isGuarded: false, context: context) { receipt in
                Contracts.User(
                    try await updateProfile(
                        change, caller: caller.userID, if: VersionPrecondition(context.metadata)
                    ) { try receipt(Contracts.User($0)) })
            }
        }
    }

    package func deleteMe(_ request: DeleteMeRequest, context: ServerContext) async throws -> ErasureTicket {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(repeating: context.metadata)
            return try await secrets.perform(caller: caller, context: context) { receipt in
                let id = try await eraseAccount(
                    password: request.password, caller: caller.userID, if: VersionPrecondition(context.metadata),
                    registrationOwner: { secrets.owner(ofAddress: $0.key) }
                ) { try receipt(ErasureTicket(erasureID: $0)) }
                return ErasureTicket(erasureID: id)
            }
        }
    }

    package func getErasure(_ request: GetErasureRequest, context: ServerContext) async throws -> Contracts.Erasure {
        try await context.answerOrRefuse(logger: logger) { Contracts.Erasure(try await getErasure(request.id)) }
    }
}

extension Contracts.Erasure {
    fileprivate init(_ erasure: AuthDomain.Erasure) {
        self.init(
            erasureID: erasure.id, requestedAt: erasure.requestedAt.description,
            completedAt: erasure.completedAt?.description,
            services: ErasureParty.allCases.map { party in
                ErasureConfirmation(
                    service: party.rawValue, erasedAt: erasure.confirmations[party]?.description)
            })
    }
}
