extension Documents {
    /// The contract as a page: reads `/openapi.json` and shows it, without any address but this server's.
    static let docs = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>The API of Florin</title>
        \(docsStyle)
        <nav id="index" aria-label="Groups"></nav>
        <main id="contract"><h1>The API of Florin</h1><p>Loading…</p></main>
        <noscript>This page shows <a href="/openapi.json">openapi.json</a> and needs JavaScript for that.</noscript>
        <script>\(docsScript)</script>
        </html>

        """

    private static let docsStyle = """
        <style>
        body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: 14rem 1fr }
        nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; box-sizing: border-box; background: #f4f4f2 }
        nav a { display: block; padding: .15rem 0; color: inherit }
        main { padding: 1rem 2rem 4rem; max-width: 60rem; min-width: 0 }
        details { border: 1px solid #ccc; border-radius: .3rem; margin: .4rem 0; padding: .3rem .7rem }
        summary { cursor: pointer }
        .method { display: inline-block; min-width: 4.5rem; font-weight: 700; text-transform: uppercase }
        .get { color: #1565c0 } .post { color: #2e7d32 } .patch, .put { color: #a15c00 } .delete { color: #b71c1c }
        table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0 }
        pre { background: #f4f4f2; padding: .6rem; overflow: auto } code { font-size: .95em }
        @media (max-width: 50rem) { body { display: block } nav { position: static; height: auto } }
        @media (prefers-color-scheme: dark) { body { background: #1b1b1a; color: #e8e8e4 } nav, pre { background: #262624 }
            a { color: #8ab4f8 } .get { color: #8ab4f8 } .post { color: #81c995 } .patch, .put { color: #fcad70 } .delete { color: #f28b82 } }
        </style>
        """

    static let docsScript = """
        const VERBS = ["get", "post", "put", "patch", "delete"];
        const element = (name, attributes = {}, ...children) => {
            const made = document.createElement(name);
            for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
            made.append(...children.filter((child) => child !== null && child !== undefined));
            return made;
        };
        const resolved = (contract, value) => value?.$ref
            ? value.$ref.slice(2).split("/").reduce((place, key) => place[key.replace("~1", "/")], contract) : value;
        const anchor = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
        const table = (heads, rows) => element("table", {},
            element("tr", {}, ...heads.map((head) => element("th", {scope: "col"}, head))),
            ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell)))));

        function typeOf(schema) {
            if (!schema) return "";
            if (schema.$ref) {
                const name = schema.$ref.split("/").pop();
                return element("a", {href: "#schema-" + name}, name);
            }
            if (schema.oneOf) {
                const parts = schema.oneOf.map(typeOf).flatMap((part, index) => index ? [" or ", part] : [part]);
                return element("span", {}, ...parts);
            }
            if (schema.type === "array") return element("span", {}, "list of ", typeOf(schema.items));
            const type = [schema.type ?? "any"].flat().join(" or ");
            return schema.format ? `${type} (${schema.format})` : type;
        }

        function parameters(contract, operation) {
            const all = (operation.parameters ?? []).map((parameter) => resolved(contract, parameter));
            if (!all.length) return null;
            return element("div", {}, element("h4", {}, "Parameters"), table(["Name", "In", "Type", ""], all.map(
                (item) => [element("code", {}, item.name), item.in + (item.required ? ", required" : ""),
                    typeOf(item.schema), item.description ?? ""])));
        }

        function requestBody(contract, operation) {
            const content = operation.requestBody?.content;
            if (!content) return null;
            const parts = Object.entries(content).flatMap(([type, media]) => {
                const example = media.example ?? resolved(contract, media.schema)?.examples?.[0];
                return [element("p", {}, element("code", {}, type), " ", typeOf(media.schema)),
                    example === undefined ? null : element("pre", {}, JSON.stringify(example, null, 2))];
            });
            return element("div", {}, element("h4", {}, "Body"), ...parts);
        }

        function responses(contract, operation) {
            const rows = Object.entries(operation.responses).map(([status, given]) => {
                const answer = resolved(contract, given);
                const [type, media] = Object.entries(answer.content ?? {})[0] ?? [];
                const kinds = Object.keys(media?.examples ?? {}).flatMap(
                    (code) => [" ", element("a", {href: "/problems/" + code}, code)]);
                return [status, answer.description, type ? element("code", {}, type) : "",
                    kinds.length ? element("span", {}, ...kinds) : typeOf(media?.schema)];
            });
            return element("div", {}, element("h4", {}, "Answers"), table(["Status", "", "Type", ""], rows));
        }

        function operationView(contract, path, verb, operation) {
            const security = operation.security?.length ? "Needs a bearer token." : "Needs no token.";
            return element("details", {id: operation.operationId},
                element("summary", {}, element("span", {class: "method " + verb}, verb), element("code", {}, path),
                    " — " + (operation.summary ?? "")),
                element("p", {}, [operation.description, security].filter(Boolean).join(" ")),
                parameters(contract, operation), requestBody(contract, operation), responses(contract, operation));
        }

        function schemaView(name, schema) {
            const required = new Set(schema.required ?? []);
            const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => [
                element("code", {}, key), typeOf(value), required.has(key) ? "always" : "", value.description ?? ""]);
            return element("details", {id: "schema-" + name}, element("summary", {}, element("code", {}, name)),
                schema.description ? element("p", {}, schema.description) : null, table(["Field", "Type", "", ""], rows));
        }

        function show(contract) {
            const groups = new Map((contract.tags ?? []).map((tag) => [tag.name, {tag, views: []}]));
            for (const [path, item] of Object.entries(contract.paths)) {
                for (const verb of VERBS.filter((verb) => item[verb])) {
                    const name = item[verb].tags?.[0] ?? "other";
                    if (!groups.has(name)) groups.set(name, {tag: {name}, views: []});
                    groups.get(name).views.push(operationView(contract, path, verb, item[verb]));
                }
            }
            const sections = [...groups.values()].filter(({views}) => views.length).map(({tag, views}) => element(
                "section", {}, element("h2", {id: anchor(tag.name)}, tag.name), element("p", {}, tag.description ?? ""), ...views));
            const schemas = Object.entries(contract.components?.schemas ?? {}).map(([name, value]) => schemaView(name, value));
            sections.push(element("section", {}, element("h2", {id: "schemas"}, "Schemas"), ...schemas));
            document.getElementById("contract").replaceChildren(
                element("h1", {}, contract.info.title), element("p", {}, contract.info.description ?? ""),
                element("p", {}, element("a", {href: "/openapi.json"}, "openapi.json"), " · ",
                    element("a", {href: "/problems"}, "Problems")), ...sections);
            document.getElementById("index").replaceChildren(...[...document.querySelectorAll("h2")].map(
                (head) => element("a", {href: "#" + head.id}, head.textContent)));
        }

        function open() {
            const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
            if (target?.tagName === "DETAILS") target.open = true;
            target?.scrollIntoView();
        }

        fetch("/openapi.json").then((answer) => answer.json()).then((contract) => {
            show(contract);
            addEventListener("hashchange", open);
            open();
        }).catch(() => {
            document.getElementById("contract").replaceChildren(element("p", {role: "alert"},
                "The contract could not be read. ", element("a", {href: "/openapi.json"}, "openapi.json")));
        });
        """
}
