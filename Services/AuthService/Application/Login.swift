import AuthDomain
package import Chronology
import Validation

/// Who calls, as the gateway sees it.
package struct ClientDescription: Sendable, Hashable {
    /// The client as it names itself; may be empty.
    package let device: String
    /// The address it calls from; may be empty.
    package let address: String

    package init(device: String, address: String) {
        self.device = device
        self.address = address
    }
}

/// Lets whoever knows the password of an account sign in.
///
/// Nobody learns from an answer, or from the time it takes, whether an address has an account: an attempt at one that has
/// none costs the same work, leaves the same rows behind and counts against the same limits.
package struct Login: Sendable {
    private let accounts: any AccountStore
    private let requests: any AddressRequestStore
    private let passwords: ThrottledPasswords
    private let opening: SessionOpening
    private let clock: any WallClock

    package init(
        accounts: any AccountStore, requests: any AddressRequestStore, passwords: ThrottledPasswords,
        opening: SessionOpening, clock: any WallClock
    ) {
        self.accounts = accounts
        self.requests = requests
        self.passwords = passwords
        self.opening = opening
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for what is missing, `AuthRefusal`, else the store's error.
    package func callAsFunction(
        email: String, password: String, client: ClientDescription
    ) async throws -> SignInOutcome {
        var validator = Validator()
        validator.require("email", email)
        validator.require("password", password)
        try validator.check()
        let (user, provenHash, newHash) = try await authenticate(email, password, client)
        return try await opening.firstFactorPassed(
            by: user, client: client, passwordHash: newHash, provenHash: provenHash)
    }

    private func authenticate(
        _ email: String, _ password: String, _ client: ClientDescription
    ) async throws -> (User, provenHash: String, newHash: String?) {
        let address = EmailAddress(email)
        var credential: Credential?
        if let address { credential = try await accounts.credential(for: address) }
        let network = ClientNetwork(client.address)
        let verdict = try await passwords.check(
            password, against: credential?.passwordHash,
            countingFor: [.network(network)] + (address.map { [.account($0.key)] } ?? []),
            orElse: {
                // The owner is not kept out by others who guess: where they have signed in before they have limits of
                // their own.
                guard let address, try await accounts.hasSignedIn(from: network, to: address) else { return nil }
                return [.knownNetwork(network, ofAccount: address.key)]
            })
        guard let credential, case .right(let newHash) = verdict else {
            if let address { try await note(failureOf: address, client) }
            throw AuthRefusal.invalidCredentials
        }
        return (credential.user, credential.passwordHash, newHash)
    }

    private func note(failureOf address: EmailAddress, _ client: ClientDescription) async throws {
        try await requests.keep(
            AddressRequest(
                wish: .noticeOfFailure(device: client.device), email: address,
                at: clock.now().truncatedToMilliseconds))
    }
}
