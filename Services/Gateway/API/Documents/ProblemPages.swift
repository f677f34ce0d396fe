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
        let rows = ProblemEntry.all.map { entry in
            """
            <tr><td>\(entry.status)</td><td><a href="/problems/\(entry.code)"><code>\(entry.code)</code></a></td>\
            <td>\(escaped(entry.title))</td></tr>

            """
        }
        return document(
            title: "Problems",
            content: """
                <p>What the API refuses, it refuses as <a href="https://www.rfc-editor.org/rfc/rfc9457">RFC 9457</a> says:
                with a <code>type</code> that leads to one of these pages.</p>
                <table>
                <tr><th>Status</th><th>Code</th><th>Meaning</th></tr>
                \(rows.joined())</table>
                """)
    }

    private static func page(of entry: ProblemEntry) -> String {
        document(
            title: entry.title,
            content: """
                <p>Status <strong>\(entry.status)</strong>, code <code>\(entry.code)</code></p>
                <p>\(marked(entry.text))</p>
                <p><a href="/problems">All problems</a> · <a href="/docs">The API</a></p>
                """)
    }

    private static func document(title: String, content: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>\(escaped(title)) · Florin</title>
        \(Documents.style)
        <h1>\(escaped(title))</h1>
        \(content)
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
