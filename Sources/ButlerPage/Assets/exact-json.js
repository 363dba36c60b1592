// JSON whose integers keep all their digits.

/** Strings, which are passed over, and numbers. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
const LONG = /^-?\d{16,}$/;
/** Marks an integer that a double may not hold while the text is parsed. No member of a document is called that. */
const MARK = '\ue000integer';

/** The value of a JSON text. Integers beyond those that doubles hold exactly become BigInt. */
export function exactJSON(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKEN, (token) => (LONG.test(token) && !Number.isSafeInteger(Number(token))
    ? `{"${MARK}":"${token}"}` : token));
  return JSON.parse(marked, (_, value) => (LONG.test(value?.[MARK]) ? BigInt(value[MARK]) : value));
}

export const isNumber = (value) => typeof value === 'number' || typeof value === 'bigint';
