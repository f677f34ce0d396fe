package import Validation

/// What an administrator changes of an account.
package struct AccountChange: Sendable, Hashable {
    /// Nil leaves it.
    package let status: AccountStatus?
    /// All roles that the account is to have; nil leaves them.
    package let roles: [Role]?

    package init(status: AccountStatus? = nil, roles: [Role]? = nil) {
        self.status = status
        self.roles = roles.map(Role.set)
    }

    /// Reads a request.
    ///
    /// - Parameters:
    ///   - status: nil leaves it.
    ///   - roles: all that the account is to have beside `user`; none at all leaves them.
    /// - Throws: the fields `status` and `roles.…` that break a rule.
    package init(status: String?, roles: [String]) throws(ValidationFailure) {
        var validator = Validator()
        var read: AccountStatus?
        if let status { read = validator.choice("status", status) }
        var wanted: [Role] = []
        for (index, role) in roles.enumerated() {
            if let role: Role = validator.choice("roles.\(index)", role) { wanted.append(role) }
        }
        try validator.check()
        self.init(status: read, roles: roles.isEmpty ? nil : wanted)
    }

    /// Whether the account would be another one afterwards.
    package func changes(_ user: User) -> Bool {
        status.map { $0 != user.status } ?? false || roles.map { $0 != user.roles } ?? false
    }

    /// Whether there would be an administrator less afterwards.
    package func removesAdministrator(_ user: User) -> Bool {
        user.isAdministrator && ((status ?? user.status) == .locked || roles?.contains(.admin) == false)
    }

    /// Whether the account would be locked, and was not.
    package func locks(_ user: User) -> Bool { user.status == .active && status == .locked }
}

extension Role {
    /// These roles and `user`, which everybody has, in their one order.
    package static func set(_ roles: [Role]) -> [Role] { allCases.filter { $0 == .user || roles.contains($0) } }
}

extension User {
    /// Whether the account may administer others.
    package var isAdministrator: Bool { status == .active && roles.contains(.admin) }
}
