// Names and values as people write them: lists in a line of text, literals in an expression.

/**
 * The names in a text, separated by blanks or commas. A name that holds those is put in double quotes, in which a double
 * quote is doubled.
 */
export function namesIn(text) {
  return [...text.matchAll(/"((?:[^"]|"")*)"?|[^\s,"][^\s,]*/g)]
    .map(([whole, quoted]) => (quoted === undefined ? whole : quoted.replaceAll('""', '"'))).filter(Boolean);
}

/** A name as `namesIn` reads it. */
export const quoted = (name) => (/[\s,]|^"/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);

/**
 * The condition that dimensions have these values, as text and as the values that the text refers to by name: the language
 * has no way to write a quote or a line break inside quotes.
 */
export function conditionOf(values) {
  const bind = {};
  const literal = (name, value) => {
    if (typeof value !== 'string') return String(value);
    if (!/['\n\r]/.test(value)) return `'${value}'`;
    // Not the name alone, which would then stand for the value everywhere.
    bind[`${name}_value`] = value;
    return `:${name}_value`;
  };
  const text = Object.entries(values).map(([name, value]) => `${name} = ${literal(name, value)}`).join(' AND ');
  return { where: text, bind: Object.keys(bind).length ? JSON.stringify(bind) : '' };
}
