package import AuthApplication
package import Chronology
package import Contracts
package import GRPC
package import Observability
import AuthDomain
import ServiceRuntime
import Validation

/// `florin.auth.v1.AdminService` over the use cases.
package struct AdminAPI: AdminServiceProvider {
    private let listUsers: ListUsers
    private let getProfile: GetProfile
    private let updateUser: UpdateUser
    private let secrets: SecretAnswers
    private let logger: Logger

    package init(
        accounts: any AccountStore, store: any AdminStore, clock: any WallClock, secrets: SecretAnswers, logger: Logger
    ) {
        listUsers = ListUsers(store: store)
        getProfile = GetProfile(accounts: accounts)
        updateUser = UpdateUser(store: store, clock: clock)
        self.secrets = secrets
        self.logger = logger
    }

    package func listUsers(_ request: ListUsersRequest, context: ServerContext) async throws -> AdminUserList {
        try await context.answerOrRefuse(logger: logger) {
            _ = try Caller(administrating: context.metadata)
            let page = try await listUsers(
                status: request.status, email: request.email, limit: request.limit, cursor: request.cursor)
            return AdminUserList(data: page.items.map(AdminUser.init(_:)), nextCursor: page.next?.text)
        }
    }

    package func getUser(_ request: GetUserRequest, context: ServerContext) async throws -> AdminUser {
        try await context.answerOrRefuse(logger: logger) {
            _ = try Caller(administrating: context.metadata)
            do {
                return AdminUser(try await getProfile(caller: Self.id(request.id)))
            } catch AuthRefusal.unknownUser {
                throw AuthRefusal.noSuchAccount
            }
        }
    }

    package func updateUser(_ request: UpdateUserRequest, context: ServerContext) async throws -> AdminUser {
        try await context.answerOrRefuse(logger: logger) {
            let caller = try Caller(administrating: context.metadata, isRepeating: true)
            return try await secrets.perform(caller: caller, isGuarded: false, context: context) { receipt in
                AdminUser(
                    try await updateUser(
                        caller: caller.userID, id: Self.id(request.id), status: request.status, roles: request.roles,
                        if: VersionPrecondition(context.metadata)
                    ) { try receipt(AdminUser($0)) })
            }
        }
    }

    /// What is no identifier names no account.
    private static func id(_ text: String) throws(AuthRefusal) -> UUIDv7 {
        do {
            return try UUIDv7(parsing: text)
        } catch {
            throw .noSuchAccount
        }
    }
}

extension Caller {
    /// The caller of what is an administrator's.
    ///
    /// - Parameter isRepeating: as in `init(inSession:isRepeating:)`.
    /// - Throws: 401 without a caller, `AuthRefusal.noSession` for a personal API token, `AuthRefusal.notAdministrator`.
    fileprivate init(administrating metadata: GRPCMetadata, isRepeating: Bool = false) throws {
        try self.init(inSession: metadata, isRepeating: isRepeating)
        guard roles.contains(Role.admin.rawValue) else { throw AuthRefusal.notAdministrator }
    }
}

extension AdminUser {
    init(_ user: AuthDomain.User) {
        self.init(
            id: user.id.description, email: user.email.text, displayName: user.displayName,
            status: user.status.rawValue, roles: user.roles.map(\.rawValue), emailVerified: user.emailVerified,
            mfaEnabled: user.mfaEnabled, version: user.version, createdAt: user.createdAt.description,
            updatedAt: user.updatedAt.description)
    }
}
