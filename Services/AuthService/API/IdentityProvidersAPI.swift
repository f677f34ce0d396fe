package import AuthApplication
package import Contracts
package import GRPC
package import Observability
import ServiceRuntime

/// `florin.auth.v1.IdentityProviderService` over its use case.
package struct IdentityProvidersAPI: IdentityProviderServiceProvider {
    private let signIn: SignInWithIDToken
    private let logger: Logger

    package init(signIn: SignInWithIDToken, logger: Logger) {
        self.signIn = signIn
        self.logger = logger
    }

    package func signInWithIdToken(_ request: IdTokenRequest, context: ServerContext) async throws -> SignIn {
        try await context.answerOrRefuse(logger: logger) {
            let client = ClientDescription(
                device: context.metadata[AuthAPI.deviceMetadata] ?? "",
                address: context.metadata[AuthAPI.addressMetadata] ?? "")
            return SignIn(
                try await signIn(
                    provider: request.provider, idToken: request.idToken, nonce: request.nonce, client: client))
        }
    }
}
