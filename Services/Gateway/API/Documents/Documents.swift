internal import Contracts
internal import Secrets

/// The documents that the gateway serves itself.
enum Documents {
    /// Their paths with them.
    static func all(issuer: String) -> [(path: String, document: StaticDocument)] {
        [
            (
                "/.well-known/openid-configuration",
                StaticDocument(mediaType: "application/json", text: IssuerMetadata.json(issuer: issuer))
            ),
            ("/", StaticDocument(mediaType: "text/html", text: welcome, policy: policy(script: nil))),
            (
                "/verify",
                StaticDocument(
                    mediaType: "text/html", text: verify, policy: policy(script: verifyScript), readsQuery: true)
            ),
            (
                "/reset",
                StaticDocument(
                    mediaType: "text/html", text: reset, policy: policy(script: resetScript), readsQuery: true)
            ),
            ("/openapi.json", StaticDocument(mediaType: "application/json", text: OpenAPIDocument.json)),
            ("/docs", StaticDocument(mediaType: "text/html", text: docs, policy: policy(script: docsScript))),
        ]
            + ProblemPages.all.map { path, text in
                (path, StaticDocument(mediaType: "text/html", text: text, policy: policy(script: nil)))
            }
    }

    /// Lets a page have its own style and the one script that it holds, and call this server.
    private static func policy(script: String?) -> String {
        let base = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
        guard let script else { return base }
        return base + "; connect-src 'self'; script-src 'sha256-\(Base64.encode(sha256(Array(script.utf8))))'"
    }

    static let style = """
        <style>
        body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
        button { font: inherit; padding: .4rem 1rem }
        </style>
        """

    private static let welcome = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <title>Florin</title>
        \(style)
        <h1>Florin</h1>
        <p>Personal finance: expenses, budgets and investments.</p>
        <p>The API begins at <code>/v1</code>; its contract is <a href="/openapi.json">openapi.json</a>,
        shown by <a href="/docs">a page</a>. What it refuses is explained under <a href="/problems">problems</a>.</p>
        </html>

        """

    private static let verify = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <title>Confirm your address · Florin</title>
        \(style)
        <h1>Confirm your address</h1>
        <p><button id="confirm">Confirm</button></p>
        <p id="outcome" role="status"></p>
        <script>\(verifyScript)</script>
        </html>

        """

    private static let verifyScript = """
        const outcome = document.getElementById("outcome");
        document.getElementById("confirm").addEventListener("click", async (event) => {
            event.target.disabled = true;
            const token = new URLSearchParams(location.search).get("token") ?? "";
            const answer = await fetch("/v1/auth/email/verify", {
                method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({token}),
            }).catch(() => null);
            if (answer?.ok) {
                outcome.textContent = "Thank you. Your address is confirmed.";
            } else {
                outcome.textContent = answer?.status === 400
                    ? "This link is not valid any more." : "That did not work. Please try again.";
                event.target.disabled = answer?.status === 400;
            }
        });
        """
}
