// The reference pages of the GraphQL schema, as Markdown: made from schema.graphql, with the playground's samples as examples.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import {
  astFromValue,
  buildSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  parse,
  print,
} from "graphql";

const RESULT = /(Payload|Connection|Edge|Result)$|^PageInfo$/;

/** Pages of types: `accepts` selects the types of a page, in the order of the list. */
const PAGES = [
  { name: "objects", title: "Objects and interfaces", accepts: (type) => (isObjectType(type) || isInterfaceType(type)) && !RESULT.test(type.name) },
  { name: "results", title: "Payloads and connections", accepts: (type) => isObjectType(type) && RESULT.test(type.name) },
  { name: "inputs", title: "Inputs", accepts: isInputObjectType },
  { name: "enums", title: "Enums", accepts: isEnumType },
  { name: "scalars", title: "Scalars", accepts: isScalarType },
];

/** A list of pages: `name`, `title` and `text`. `operations` is the folder with the samples. */
export async function schemaPages(text, operations) {
  const schema = buildSchema(text);
  const samples = await readSamples(operations);
  const roots = { queries: schema.getQueryType(), mutations: schema.getMutationType(), subscriptions: schema.getSubscriptionType() };
  const pageOf = new Map(Object.entries(roots).map(([name, type]) => [type.name, name]));
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith("__") && !pageOf.has(name));
  types.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const type of types) pageOf.set(type.name, PAGES.find(({ accepts }) => accepts(type)).name);
  const inputs = inputsOfMutations(roots.mutations);
  for (const name of inputs.keys()) pageOf.set(name, "mutations");

  const link = linker(pageOf, inputs);
  const operationPages = Object.entries(roots).map(([name, type]) => ({
    name,
    title: name[0].toUpperCase() + name.slice(1),
    text: Object.values(type.getFields()).map((field) => operation(field, samples, link)).join("\n"),
  }));
  const typePages = PAGES.map(({ name, title }) => ({
    name,
    title,
    text: types.filter((type) => pageOf.get(type.name) === name).map((type) => section(type, schema, link)).join("\n"),
  }));
  return [...operationPages, ...typePages].map((page) => ({ ...page, text: `# ${page.title}\n\n${page.text}` }));
}

/** The samples: the name of the file, the text, its variables, and the root fields that it selects. */
async function readSamples(folder) {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".graphql")).sort();
  return Promise.all(
    files.map(async (file) => {
      const name = path.basename(file, ".graphql");
      const text = await readFile(path.join(folder, file), "utf8");
      const variables = await readFile(path.join(folder, `${name}.variables.json`), "utf8").catch(() => undefined);
      const fields = parse(text).definitions.flatMap(({ kind, selectionSet }) =>
        kind === "OperationDefinition" ? selectionSet.selections.map((selection) => selection.name?.value) : [],
      );
      return { name, text, variables, fields };
    }),
  );
}

/** The inputs of mutations, each with the name of its mutation, in whose section its fields are. */
function inputsOfMutations(mutations) {
  return new Map(Object.values(mutations.getFields()).map(({ name, args }) => [getNamedType(args[0].type).name, name]));
}

/** A type as Markdown, with a link to its section. */
function linker(pageOf, inputs) {
  return (type) => {
    const named = getNamedType(type);
    const [before, after] = String(type).split(named.name);
    const section = inputs.get(named.name) ?? named.name;
    return `${escape(before)}[${named.name}](${pageOf.get(named.name)}.md#${section.toLowerCase()})${escape(after)}`;
  };
}

function operation(field, samples, link) {
  const parts = [heading(field), description(field), ...argumentsOf(field, link), `Returns ${link(field.type)}.\n`];
  const sample = samples.find(({ name }) => name === field.name) ?? samples.find(({ fields }) => fields.includes(field.name));
  if (sample) {
    parts.push("```graphql\n" + sample.text.trim() + "\n```\n");
    if (sample.variables) parts.push("```json\n" + sample.variables.replaceAll(/\{\{(\w+)\}\}/g, "<$1>").trim() + "\n```\n");
  }
  return parts.filter(Boolean).join("\n");
}

/** The arguments of a field; of a mutation, the fields of its input. */
function argumentsOf({ args }, link) {
  const [{ name, type } = {}] = args;
  if (name !== "input") return [argumentTable(args, link)];
  const input = getNamedType(type);
  return [`\`input\`: \`${type}\`. ${inline(args[0])}\n`, argumentTable(Object.values(input.getFields()), link, "field")];
}

function section(type, schema, link) {
  const parts = [heading(type), description(type)];
  if (isObjectType(type) && type.getInterfaces().length > 0) parts.push(`Implements ${type.getInterfaces().map(link).join(", ")}.\n`);
  if (isInterfaceType(type)) parts.push(`Implemented by ${schema.getPossibleTypes(type).map(link).join(", ")}.\n`);
  if (isEnumType(type)) parts.push(table(["value", "meaning"], type.getValues().map((value) => [`\`${value.name}\``, inline(value)])));
  if (isInputObjectType(type)) parts.push(argumentTable(Object.values(type.getFields()), link, "field"));
  if (isObjectType(type) || isInterfaceType(type)) parts.push(fieldTable(type, link));
  if (isScalarType(type) && type.specifiedByURL) parts.push(`Specification: <${type.specifiedByURL}>\n`);
  if (isSpecifiedScalarType(type)) parts.push("Defined by the GraphQL specification.\n");
  return parts.filter(Boolean).join("\n");
}

function fieldTable(type, link) {
  const rows = Object.values(type.getFields()).map((field) => {
    const args = field.args.map((arg) => `\`${arg.name}\`: ${link(arg.type)}`).join(", ");
    return [`\`${field.name}\``, link(field.type), [inline(field), args && `Arguments: ${args}.`].filter(Boolean).join(" ")];
  });
  return table(["field", "type", "description"], rows);
}

function argumentTable(args, link, what = "argument") {
  if (args.length === 0) return undefined;
  const withDefaults = args.some(({ defaultValue }) => defaultValue !== undefined);
  const rows = args.map((arg) => [`\`${arg.name}\``, link(arg.type), ...(withDefaults ? [defaultOf(arg)] : []), inline(arg)]);
  return table([what, "type", ...(withDefaults ? ["default"] : []), "description"], rows);
}

function defaultOf({ defaultValue, type }) {
  return defaultValue === undefined ? "" : `\`${print(astFromValue(defaultValue, type))}\``;
}

function table(columns, rows) {
  return [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function heading({ name }) {
  return `## ${name}\n`;
}

function description({ description }) {
  return description ? `${description}\n` : undefined;
}

/** The description in one line of a table. */
function inline({ description, deprecationReason }) {
  const text = [description, deprecationReason && `Deprecated: ${deprecationReason}`].filter(Boolean).join(" ");
  return text.replaceAll("\n", " ").replaceAll("|", "\\|");
}

function escape(text) {
  return text.replaceAll("[", "\\[").replaceAll("]", "\\]");
}
