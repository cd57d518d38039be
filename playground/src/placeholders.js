// The `{{name}}` placeholders in the variables of the sample operations, so that each sample runs as it stands.
//
// Ids are filled in when the page opens. `{{unique}}` stays visible in the editor and becomes something new each
// time an operation is sent.

/** Puts the values in the place of their placeholders; placeholders without a value stay. */
export function fill(text, values) {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (placeholder, name) =>
    Object.hasOwn(values, name) ? values[name] : placeholder,
  );
}

/** The reverse of `fill`. */
export function unfill(text, values) {
  return Object.entries(values).reduce((result, [name, value]) => result.replaceAll(value, `{{${name}}}`), text);
}

/** The variables as they are sent: `{{unique}}` becomes a text that was not used before. */
export function makeUnique(variables) {
  if (!variables) return variables;
  const unique = Date.now().toString(36) + Math.floor(Math.random() * 36 ** 3).toString(36);
  return JSON.parse(fill(JSON.stringify(variables), { unique }));
}
