// The `{{name}}` placeholders in the variables of the sample operations, so that each sample runs as it stands.
//
// Ids are filled in when a sample is opened. `{{unique}}` stays visible in the editor and becomes something new each
// time an operation is sent.

/** What stands behind the placeholders. */
export function createPlaceholders() {
  let latest = {};
  const names = new Map();
  return {
    /** Takes over what stands behind them from now on. */
    learn(values) {
      latest = values;
      for (const [name, value] of Object.entries(values)) names.set(value, name);
    },
    /** Puts the latest values in the place of their placeholders; placeholders without a value stay. */
    fill: (text) => fill(text, latest),
    /** The reverse, for every value so far. */
    unfill: (text) => text.replaceAll(/[\w.-]+/g, (word) => (names.has(word) ? `{{${names.get(word)}}}` : word)),
  };
}

/** The variables as they are sent: `{{unique}}` becomes a text that was not used before. */
export function makeUnique(variables) {
  if (!variables) return variables;
  const unique = Date.now().toString(36) + Math.floor(Math.random() * 36 ** 3).toString(36);
  return JSON.parse(fill(JSON.stringify(variables), { unique }));
}

function fill(text, values) {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (placeholder, name) =>
    Object.hasOwn(values, name) ? values[name] : placeholder,
  );
}
