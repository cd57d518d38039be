// The reference page of the REST routes, as Markdown: made from openapi.json.

const METHODS = ["get", "post", "put", "patch", "delete"];

/** The page of this OpenAPI document. */
export function restPage(document) {
  const routes = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method], shared: item.parameters ?? [] })),
  );
  const tags = [...new Set(routes.map(({ tags }) => tags[0]))];
  const parts = ["# REST routes\n", "Made from the OpenAPI document, which the gateway serves at `/openapi.json`.\n"];
  for (const tag of tags) {
    parts.push(`## ${tag}\n`, ...routes.filter(({ tags }) => tags[0] === tag).map((route) => routeSection(route, document)));
  }
  parts.push("## Schemas\n");
  for (const [name, schema] of Object.entries(document.components.schemas)) parts.push(schemaSection(name, schema));
  return parts.join("\n");
}

function routeSection(route, document) {
  const parts = [`### ${route.summary}\n`, `\`${route.method.toUpperCase()} ${route.path}\`\n`, route.description && `${route.description}\n`];
  const parameters = [...route.shared, ...(route.parameters ?? [])].map((parameter) => resolve(parameter, document));
  if (parameters.length > 0) {
    const rows = parameters.map(({ name, in: place, required, schema, description }) => [
      `\`${name}\``,
      required ? `${place}, required` : place,
      typeOf(schema),
      inline(description),
    ]);
    parts.push(table(["parameter", "in", "type", "description"], rows));
  }
  const body = schemaOf(route.requestBody);
  if (body) parts.push(`Body: ${typeOf(body)}.\n`);
  const rows = Object.entries(route.responses).map(([status, response]) => {
    const resolved = resolve(response, document);
    const schema = schemaOf(resolved);
    return [status, schema ? typeOf(schema) : "", inline(resolved.description)];
  });
  parts.push(table(["status", "body", "description"], rows));
  return parts.filter(Boolean).join("\n");
}

function schemaSection(name, schema) {
  const parts = [`### ${name}\n`, schema.description && `${schema.description}\n`];
  if (schema.enum) parts.push(`One of ${schema.enum.map((value) => `\`${value}\``).join(", ")}.\n`);
  if (schema.properties) {
    const rows = Object.entries(schema.properties).map(([field, property]) => [
      `\`${field}\``,
      typeOf(property) + (schema.required?.includes(field) ? ", required" : ""),
      inline(property.description),
    ]);
    parts.push(table(["field", "type", "description"], rows));
  } else if (!schema.enum) {
    parts.push(`${typeOf(schema)}\n`);
  }
  return parts.filter(Boolean).join("\n");
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    return `[${name}](#${name.toLowerCase()})`;
  }
  const variants = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (variants) return [...new Set(variants.map(typeOf))].join(" or ");
  const types = [schema.type ?? "any value"].flat();
  const named = types.map((type) => (type === "array" ? `list of ${typeOf(schema.items)}` : type)).join(" or ");
  return schema.format ? `${named} (${schema.format})` : named;
}

function schemaOf(part) {
  return Object.values(part?.content ?? {})[0]?.schema;
}

function resolve(part, document) {
  if (!part.$ref) return part;
  return part.$ref.split("/").slice(1).reduce((value, key) => value[key], document);
}

function table(columns, rows) {
  return [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function inline(text) {
  return (text ?? "").replaceAll("\n", " ").replaceAll("|", "\\|");
}
