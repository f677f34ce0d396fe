internal import Foundation
internal import Glibc
internal import Testing

/// Sign-in with an ID token through the public API, at an issuer that is made of PyJWT.
@Suite(.serialized, .timeLimit(.minutes(20))) struct IDTokenSignInTests {
    @Test func anIDTokenSignsInThroughTheGateway() async throws {
        try await LocalInstallation.with { installation in
            let issuer = try IssuerProcess(in: installation)
            defer { issuer.stop() }
            let url = try await issuer.url()
            let run = try await installation.run(settings: ["FLORIN_OIDC_PROVIDERS": "test \(url) florin-test"])
            try await signIn(at: #require(installation.settings()["FLORIN_URL"]), by: url)
            run.send(SIGINT)
            #expect(try await run.exitStatus() == 0)
        }
    }

    private func signIn(at base: String, by issuer: String) async throws {
        let token = try #require(try await HTTPCall.send("GET", issuer + "/token").json["token"] as? String)
        let signedIn = try await HTTPCall.send("POST", base + "/v1/auth/oidc/test", ["id_token": token])
        #expect(signedIn.status == 200, "\(signedIn.json)")
        let access = try #require(signedIn.json["access_token"] as? String)
        let credentials = ["Authorization: Bearer \(access)"]
        let me = try await HTTPCall.send("GET", base + "/v1/users/me", headers: credentials)
        #expect(me.json["email"] as? String == "ada@example.org" && me.json["email_verified"] as? Bool == true)
        try await wait(for: "the default categories") {
            let list = try await HTTPCall.send("GET", base + "/v1/categories", headers: credentials)
            return (list.json["data"] as? [Any])?.count == 12
        }
        let again = try await HTTPCall.send("POST", base + "/v1/auth/oidc/test", ["id_token": token])
        #expect(again.status == 200)
        let forged = try await HTTPCall.send("POST", base + "/v1/auth/oidc/test", ["id_token": token + "x"])
        #expect(forged.status == 401 && forged.json["code"] as? String == "invalid_id_token")
        let unknown = try await HTTPCall.send("POST", base + "/v1/auth/oidc/nobody", ["id_token": token])
        #expect(unknown.status == 404)
    }
}
