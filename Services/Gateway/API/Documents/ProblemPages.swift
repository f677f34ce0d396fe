internal import Contracts

/// What the `type` of a problem leads to: a page for each code, and one that lists them.
enum ProblemPages {
    /// The pages with their paths.
    static var all: [(path: String, text: String)] {
        [("/problems", list)] + ProblemEntry.all.map { ("/problems/\($0.code)", page(of: $0)) }
    }

    /// The template of the pages' paths; nil where it is none of them.
    static func template(of path: String) -> String? { path.hasPrefix("/problems/") ? "/problems/{code}" : nil }

    private static var list: String {
        let entries = ProblemEntry.all.sorted { ($0.status, $0.code) < ($1.status, $1.code) }
        let rows = entries.map { entry in
            """
            <tr><td>\(entry.status)</td><td><a href="/problems/\(entry.code)"><code>\(entry.code)</code></a></td>\
            <td>\(escaped(entry.title))</td></tr>

            """
        }
        return document(
            title: "Problems",
            content: """
                <p>What the API refuses, it refuses as RFC 9457 says: with <code>application/problem+json</code>, whose
                <code>type</code> leads to one of these pages. Programs go by <code>code</code>, and by the status where they do
                not know the code.</p>
                <table>
                <thead><tr><th scope="col">Status</th><th scope="col">Code</th><th scope="col">Meaning</th></tr></thead>
                <tbody>
                \(rows.joined())</tbody>
                </table>
                <p><a href="/docs#problems">The API</a></p>
                """)
    }

    private static func page(of entry: ProblemEntry) -> String {
        document(
            title: entry.title,
            content: """
                <p class="soft">Status <strong>\(entry.status)</strong>, code <code>\(entry.code)</code></p>
                <h2>What happened</h2>
                <p>\(marked(entry.text))</p>
                <h2>What to do</h2>
                <p>\(marked(entry.remedy))</p>
                <h2>What it looks like</h2>
                <pre tabindex="0">\(escaped(entry.example))</pre>
                <p><a href="/problems">All problems</a> · <a href="/docs">The API</a></p>
                """)
    }

    private static func document(title: String, content: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(escaped(title)) · Florin</title>
        \(Documents.style)
        <main>
        <h1>\(escaped(title))</h1>
        \(content)
        </main>
        </html>

        """
    }

    /// Text for HTML, in which what stands between backquotes is code.
    static func marked(_ text: String) -> String {
        escaped(text).split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .map { $0.offset.isMultiple(of: 2) ? String($0.element) : "<code>\($0.element)</code>" }.joined()
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
