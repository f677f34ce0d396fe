extension Documents {
    /// Where the link of the mail leads with which a forgotten password is replaced.
    static let reset = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="referrer" content="no-referrer">
        <title>Choose a new password · Florin</title>
        \(style)
        <main>
        <h1>Choose a new password</h1>
        <form id="form">
        <p><label>New password<br><input id="password" type="password" autocomplete="new-password" required></label></p>
        <p><button id="send">Set the password</button></p>
        </form>
        <p id="outcome" role="status"></p>
        </main>
        <script>\(resetScript)</script>
        </html>

        """

    static let resetScript = """
        const outcome = document.getElementById("outcome");
        const button = document.getElementById("send");
        document.getElementById("form").addEventListener("submit", async (event) => {
            event.preventDefault();
            button.disabled = true;
            const token = new URLSearchParams(location.search).get("token") ?? "";
            const answer = await fetch("/v1/auth/password/reset", {
                method: "POST", headers: {"Content-Type": "application/json"},
                body: JSON.stringify({token, new_password: document.getElementById("password").value}),
            }).catch(() => null);
            const problem = answer && !answer.ok ? await answer.json().catch(() => null) : null;
            if (answer?.ok) {
                outcome.textContent = "Your password is set. Sign in with it.";
            } else if (answer?.status === 422) {
                outcome.textContent = "The password " + (problem?.errors?.[0]?.message ?? "is not accepted") + ".";
            } else {
                outcome.textContent = answer?.status === 400
                    ? "This link is not valid any more." : "That did not work. Please try again.";
            }
            button.disabled = answer?.ok || answer?.status === 400;
        });
        """
}
