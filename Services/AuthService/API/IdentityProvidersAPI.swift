package import AuthApplication
package import Contracts
package import GRPC
package import Observability

/// `florin.auth.v1.IdentityProviderService` over its use case.
package struct IdentityProvidersAPI: IdentityProviderServiceProvider {
    private let signIn: SignInWithIDToken
    private let secrets: SecretAnswers
    private let logger: Logger

    package init(signIn: SignInWithIDToken, secrets: SecretAnswers, logger: Logger) {
        self.signIn = signIn
        self.secrets = secrets
        self.logger = logger
    }

    package func signInWithIdToken(_ request: IdTokenRequest, context: ServerContext) async throws -> SignIn {
        try await context.answerOrRefuse(logger: logger) {
            try await secrets.perform(caller: .bearer(of: request.idToken), context: context) { receipt in
                SignIn(
                    try await signIn(
                        provider: request.provider, idToken: request.idToken, nonce: request.nonce,
                        client: ClientDescription(context.metadata)
                    ) { try receipt(SignIn($0)) })
            }
        }
    }
}
