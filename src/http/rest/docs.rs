//! `/docs`: the OpenAPI document as a page for people. FmtResult once, by us, without scripts: the page asks no other host for
//! anything, and a browser that runs nothing shows all of it.

use std::fmt::Write;

use axum::{
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use super::{PUBLISHED, openapi::Document};

/// Allows only stylesheets of this origin.
const SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS: [(HeaderName, &str); 2] =
    [(header::CONTENT_SECURITY_POLICY, SECURITY_POLICY), (header::CACHE_CONTROL, "no-cache")];

const STYLE: &str = include_str!("docs.css");

/// The maximum depth of nested schemas on the page.
const DEPTH: usize = 6;

/// `/docs`.
pub(super) async fn index() -> Response {
    (HEADERS, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], PUBLISHED.page.as_str()).into_response()
}

/// `/docs/style.css`.
pub(super) async fn style() -> Response {
    (HEADERS, [(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// The page of a document.
pub(super) fn page(document: &Document) -> String {
    let mut writer = HtmlWriter { document: &document.json, html: String::new() };
    // Writing to a string cannot fail.
    let _ = writer.page();
    writer.html
}

/// A text with HTML escapes.
struct HtmlEscaped<'a>(&'a str);

impl std::fmt::Display for HtmlEscaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;"),
                '<' => f.write_str("&lt;"),
                '>' => f.write_str("&gt;"),
                '"' => f.write_str("&quot;"),
                '\'' => f.write_str("&#39;"),
                c => f.write_char(c),
            }?;
        }
        Ok(())
    }
}

struct HtmlWriter<'a> {
    document: &'a Value,
    html: String,
}

/// The method, the path and the operation.
type OperationEntry<'a> = (&'a str, &'a str, &'a Value);

type FmtResult = Result<(), std::fmt::Error>;

impl<'a> HtmlWriter<'a> {
    fn page(&mut self) -> FmtResult {
        let info = &self.document["info"];
        let (title, description) = (text(info, "title"), text(info, "description"));
        write!(
            self.html,
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body><header><h1>{title}</h1><p>{description}</p>\
             <p>Machine-readable: <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI 3.1). \
             Send the token in the header <code>Authorization: Bearer</code>.</p></header>",
            title = HtmlEscaped(title),
            description = HtmlEscaped(description),
        )?;
        let groups = self.groups();
        self.html.push_str("<nav><ul>");
        for (tag, _) in &groups {
            write!(
                self.html,
                "<li><a href=\"#{id}\">{tag}</a></li>",
                id = anchor(tag),
                tag = HtmlEscaped(tag)
            )?;
        }
        self.html.push_str("</ul></nav><main>");
        for (tag, operations) in groups {
            write!(self.html, "<section id=\"{}\"><h2>{}</h2>", anchor(tag), HtmlEscaped(tag))?;
            for (method, path, operation) in operations {
                self.operation(method, path, operation)?;
            }
            self.html.push_str("</section>");
        }
        self.html.push_str("</main></body></html>");
        Ok(())
    }

    /// The operations grouped by tag, in the order of the document.
    fn groups(&self) -> Vec<(&'a str, Vec<OperationEntry<'a>>)> {
        let mut groups: Vec<(&str, Vec<_>)> = Vec::new();
        for (path, item) in fields(&self.document["paths"]) {
            for (method, operation) in fields(item) {
                let tag = operation["tags"][0].as_str().unwrap_or_default();
                let index = groups.iter().position(|(name, _)| *name == tag).unwrap_or_else(|| {
                    groups.push((tag, Vec::new()));
                    groups.len() - 1
                });
                groups[index].1.push((method.as_str(), path.as_str(), operation));
            }
        }
        groups
    }

    fn operation(&mut self, method: &str, path: &str, operation: &'a Value) -> FmtResult {
        write!(
            self.html,
            "<details id=\"{id}\"><summary><b class=\"{method}\">{method}</b> <code>{path}</code> {summary}</summary><p>{about}</p>",
            id = HtmlEscaped(text(operation, "operationId")),
            path = HtmlEscaped(path),
            summary = HtmlEscaped(text(operation, "summary")),
            about = HtmlEscaped(text(operation, "description")),
        )?;
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
        if !parameters.is_empty() {
            self.html.push_str("<h3>Parameters</h3><table>");
            for parameter in parameters {
                let name = format!("{} ({})", text(parameter, "name"), text(parameter, "in"));
                let required = parameter["required"] == true;
                self.row(&name, &parameter["schema"], required, text(parameter, "description"))?;
            }
            self.html.push_str("</table>");
        }
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
            self.html.push_str("<h3>Body</h3>");
            self.schema(schema, DEPTH)?;
        }
        self.html.push_str("<h3>Responses</h3>");
        for (status, response) in fields(&operation["responses"]) {
            self.response(status, response)?;
        }
        self.html.push_str("</details>");
        Ok(())
    }

    /// Error responses start collapsed, because they are the same everywhere.
    fn response(&mut self, status: &str, response: &'a Value) -> FmtResult {
        let open = if status.starts_with('2') { " open" } else { "" };
        let about = text(response, "description");
        write!(self.html, "<details{open}><summary>{status} {}</summary>", HtmlEscaped(about))?;
        let headers = fields(&response["headers"]);
        if headers.clone().next().is_some() {
            self.html.push_str("<table>");
            for (name, header) in headers {
                self.row(name, &header["schema"], false, text(header, "description"))?;
            }
            self.html.push_str("</table>");
        }
        if let Some(schema) = response.pointer("/content/application~1json/schema") {
            self.schema(schema, DEPTH)?;
        }
        self.html.push_str("</details>");
        Ok(())
    }

    fn row(&mut self, name: &str, schema: &'a Value, required: bool, about: &str) -> FmtResult {
        let kind = self.kind(schema);
        let needed = if required { "required" } else { "" };
        write!(
            self.html,
            "<tr><th><code>{}</code></th><td>{}</td><td>{needed}</td><td>{}</td></tr>",
            HtmlEscaped(name),
            HtmlEscaped(&kind),
            HtmlEscaped(about),
        )
    }

    /// The fields of an object, and those of the objects in it.
    fn schema(&mut self, schema: &'a Value, depth: usize) -> FmtResult {
        let schema = self.object(schema);
        let Some(properties) = schema["properties"].as_object().filter(|_| depth > 0) else { return Ok(()) };
        self.html.push_str("<table>");
        self.properties(schema, properties, "", depth)?;
        self.html.push_str("</table>");
        Ok(())
    }

    fn properties(
        &mut self,
        schema: &'a Value,
        properties: &'a Map<String, Value>,
        prefix: &str,
        depth: usize,
    ) -> FmtResult {
        let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
        for (name, property) in properties {
            let full = format!("{prefix}{name}");
            let is_required = required.iter().any(|it| *it == name);
            let own = text(property, "description");
            let about = if own.is_empty() { text(self.resolved(property), "description") } else { own };
            self.row(&full, property, is_required, about)?;
            let inner = self.object(property);
            if let Some(properties) = inner["properties"].as_object().filter(|_| depth > 1) {
                self.properties(inner, properties, &format!("{full}."), depth - 1)?;
            }
        }
        Ok(())
    }

    /// The object schema: of the schema itself, its reference, its items, or its choice that is not null.
    fn object(&self, schema: &'a Value) -> &'a Value {
        let schema = self.resolved(schema);
        if let Some(items) = schema.get("items") {
            return self.object(items);
        }
        let mut choices = schema["oneOf"].as_array().into_iter().flatten();
        match choices.rfind(|choice| choice["type"] != "null") {
            Some(choice) => self.object(choice),
            None => schema,
        }
    }

    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let pointer = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
        pointer.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(schema)
    }

    /// A short description of the type.
    fn kind(&self, schema: &'a Value) -> String {
        let schema = self.resolved(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let kinds: Vec<String> = choices.iter().map(|choice| self.kind(choice)).collect();
            return kinds.join(" or ");
        }
        if let Some(values) = schema["enum"].as_array() {
            let names: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            return names.join(", ");
        }
        let mut kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            kind => kind.as_str().unwrap_or("any").to_owned(),
        };
        if let Some(items) = schema.get("items") {
            kind = format!("{kind} of {}", self.kind(items));
        }
        for limit in ["format", "minimum", "maximum", "maxItems", "default"] {
            if let Some(value) = schema.get(limit) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                kind.push_str(&format!(", {limit} {value}"));
            }
        }
        kind
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> + Clone {
    value.as_object().into_iter().flatten()
}

fn anchor(tag: &str) -> String {
    tag.to_lowercase().replace(' ', "-")
}
