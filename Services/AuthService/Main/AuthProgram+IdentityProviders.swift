import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import Contracts
import HTTPClient
import ServiceRuntime

extension AuthProgram {
    /// The issuers whose ID tokens are trusted.
    struct IdentityProviderSettings: Sendable {
        let providers: [OpenIDSettings]
        /// Certificates that are trusted instead of the system's; nil for the system's.
        let certificates: String?
    }

    static func identityProviders(_ reader: inout ConfigurationReader) -> IdentityProviderSettings {
        let providers: [OpenIDSettings] = reader.value(
            "FLORIN_OIDC_PROVIDERS",
            "issuers of ID tokens that are trusted: `name issuer audience,audience keys-URL; …`, the last of each optional",
            default: "", standIn: []
        ) { text in
            do throws(OpenIDFault) {
                return .success(try OpenIDSettings.list(text))
            } catch {
                return .failure(FileFault("cannot be used: \(error)"))
            }
        }
        let firebase: OpenIDSettings? = reader.value(
            "FLORIN_FIREBASE_PROJECT", "the Firebase project whose ID tokens are trusted, as the provider `firebase`",
            default: "", standIn: nil
        ) { text in
            do throws(OpenIDFault) {
                return .success(try OpenIDSettings.firebase(project: text))
            } catch {
                return .failure(FileFault("cannot be used: \(error)"))
            }
        }
        if let firebase, providers.contains(where: { $0.name == firebase.name }) {
            reader.fault("FLORIN_FIREBASE_PROJECT and FLORIN_OIDC_PROVIDERS both name a provider firebase")
        }
        return IdentityProviderSettings(
            providers: providers + [firebase].compactMap(\.self),
            certificates: reader.optionalString(
                "FLORIN_OIDC_CERTIFICATES", "file of certificates (PEM) to trust at these issuers, not the system's"))
    }

    /// Sign-in by the word of others.
    static func identityProviders(
        _ host: ServiceHost, _ settings: IdentityProviderSettings, _ repository: AuthRepository,
        _ opening: SessionOpening, _ secrets: SecretAnswers
    ) -> IdentityProviderServiceHandlers<IdentityProvidersAPI> {
        var configuration = HTTPClient.Configuration()
        // Within the time that the gateway gives a sign-in there may have to be two requests: discovery and keys.
        configuration.timeout = .seconds(4)
        configuration.connections = 2
        configuration.certificateAuthority = settings.certificates
        let client = HTTPClient(configuration)
        host.add(Component("http-client", start: {}, stop: { _ in client.shutdown() }))
        let clock = SystemClock()
        let providers = OpenIDProviders(
            settings.providers, client: client, loop: host.loop, clock: clock, logger: host.logger)
        let signIn = SignInWithIDToken(providers: providers, store: repository, opening: opening, clock: clock)
        return IdentityProviderServiceHandlers(
            IdentityProvidersAPI(signIn: signIn, secrets: secrets, logger: host.logger))
    }
}
