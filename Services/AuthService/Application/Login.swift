package import AuthDomain
package import Chronology
package import Idempotency
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

/// A user who has shown their password.
package struct ProvenUser: Sendable, Hashable {
    package let user: User
    /// What the password was checked against.
    let hash: String
    /// What replaces it, where it is of another cost than today's.
    let newHash: String?
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

    /// The first half: finds out who signs in. It leaves nothing behind but what tells of a wrong password.
    ///
    /// - Throws: `ValidationFailure` for what is missing, `AuthRefusal`, else the store's error.
    package func prove(
        email: String, password: String, client: ClientDescription
    ) async throws -> ProvenUser {
        var validator = Validator()
        validator.require("email", email)
        validator.require("password", password)
        try validator.check()
        return try await authenticate(email, password, client)
    }

    /// The second half: begins a session, or asks for the second factor.
    ///
    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: what `SessionOpening.firstFactorPassed` throws.
    package func open(
        for proven: ProvenUser, client: ClientDescription, receipt: (SignInOutcome) throws -> IdempotencyReceipt?
    ) async throws -> SignInOutcome {
        try await opening.firstFactorPassed(
            by: proven.user, client: client, passwordHash: proven.newHash, provenHash: proven.hash, receipt: receipt)
    }

    private func authenticate(
        _ email: String, _ password: String, _ client: ClientDescription
    ) async throws -> ProvenUser {
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
        return ProvenUser(user: credential.user, hash: credential.passwordHash, newHash: newHash)
    }

    private func note(failureOf address: EmailAddress, _ client: ClientDescription) async throws {
        try await requests.keep(
            AddressRequest(
                wish: .noticeOfFailure(device: client.device), email: address,
                at: clock.now().truncatedToMilliseconds), receipt: nil)
    }
}
