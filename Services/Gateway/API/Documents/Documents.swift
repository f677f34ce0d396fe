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
            (
                "/docs",
                StaticDocument(
                    mediaType: "text/html", text: ContractPage.html, policy: policy(script: ContractPage.script))
            ),
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
        :root { color-scheme: light dark; --soft: #595955; --line: #d4d4ce; --wash: #f4f4f1; --link: #0b57a4 }
        @media (prefers-color-scheme: dark) {
            :root { --soft: #b3b3ab; --line: #44443f; --wash: #242422; --link: #8ab8f5 }
            body { background: #191918; color: #e9e9e4 }
        }
        body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem }
        h2 { font-size: 1.2rem; margin: 2rem 0 .3rem } a { color: var(--link) }
        a:focus-visible, button:focus-visible, input:focus-visible, pre:focus-visible {
            outline: 3px solid var(--link); outline-offset: 2px
        }
        .soft { color: var(--soft) }
        code, pre { font-family: ui-monospace, monospace; font-size: .92em }
        pre { background: var(--wash); border-radius: .3rem; padding: .7rem .9rem; overflow: auto; line-height: 1.45 }
        table { border-collapse: collapse; width: 100% }
        th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line) }
        th { color: var(--soft) }
        button, input { font: inherit; padding: .4rem 1rem }
        </style>
        """

    private static let welcome = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Florin</title>
        \(style)
        <main>
        <h1>Florin</h1>
        <p>Personal finance: expenses, budgets and investments.</p>
        <p>The API begins at <code>/v1</code>; its contract is <a href="/openapi.json">openapi.json</a>,
        shown by <a href="/docs">a page</a>. What it refuses is explained under <a href="/problems">problems</a>.</p>
        </main>
        </html>

        """

    private static let verify = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Confirm your address · Florin</title>
        \(style)
        <main>
        <h1>Confirm your address</h1>
        <p><button id="confirm">Confirm</button></p>
        <p id="outcome" role="status"></p>
        </main>
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
