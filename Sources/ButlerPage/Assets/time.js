// Times of the Butler are nanoseconds TAI since 1970-01-01T00:00:00 TAI.

import { isNumber } from './exact-json.js';

const END = 4102444800000000000;

/** ISO text of a time; milliseconds only if there are any. */
export function instant(time) {
  const nanoseconds = Number(time);
  if (nanoseconds <= 0) return '−∞';
  if (nanoseconds >= END) return '∞';
  const text = new Date(Math.round(nanoseconds / 1e6)).toISOString().slice(0, -1);
  return text.replace('T', ' ').replace(/\.000$/, '');
}

/** A time span with its scale; the end is left out of it. */
export function timespan([begin, end]) {
  if (begin >= END && end <= 0) return 'empty';
  const [from, to] = [instant(begin), instant(end)];
  const sameDay = from.slice(0, 10) === to.slice(0, 10);
  return `${from} … ${sameDay ? to.slice(11) : to} TAI`;
}

export const isTimespan = (value) => Array.isArray(value) && value.length === 2 && value.every(isNumber);

/** A field of a record as text. */
export function fieldText(name, value) {
  if (value === null || value === undefined) return '';
  if (name === 'region') return 'region';
  if (isTimespan(value)) return timespan(value);
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(9)));
  return String(value);
}
