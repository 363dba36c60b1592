// JSON and YAML values as a tree of disclosure elements, which the keyboard opens.

import { counted, h } from './dom.js';
import { isNumber } from './exact-json.js';

const MOST = 200;

/** A tree of a value; the first levels are open. */
export function documentTree(value) {
  return h('div.tree', {}, node(null, value, 0));
}

function node(name, value, depth) {
  const label = name === null ? null : h('span.tree-key', {}, String(name));
  if (value === null || typeof value !== 'object') {
    return h('div.tree-leaf', {}, label, label && ': ', h(`span.tree-${value === null ? 'null' : isNumber(value) ? 'number' : typeof value}`, {},
      typeof value === 'string' ? value : String(value)));
  }
  const isList = Array.isArray(value);
  const entries = isList ? value.map((item, index) => [index, item]) : Object.entries(value);
  if (isList && entries.length <= 12 && value.every((item) => item === null || typeof item !== 'object')) {
    return h('div.tree-leaf', {}, label, label && ': ', h('span.tree-list', {}, `[${value.join(', ')}]`));
  }
  const count = isList ? counted(entries.length, 'item') : counted(entries.length, 'key');
  const body = h('div.tree-body');
  const details = h('details', { open: depth < 2 && entries.length <= 60 },
    h('summary', {}, label ?? (isList ? 'list' : 'mapping'), ' ', h('span.quiet', {}, count)), body);
  // Children are made when they are looked at: documents can be large.
  let shown = 0;
  const more = () => {
    body.querySelector(':scope > .more')?.remove();
    for (const [key, item] of entries.slice(shown, shown + MOST)) body.append(node(key, item, depth + 1));
    shown = Math.min(entries.length, shown + MOST);
    if (shown < entries.length) {
      body.append(h('button.more', { type: 'button', onclick: more }, `${entries.length - shown} more`));
    }
  };
  if (details.open) more();
  details.addEventListener('toggle', () => { if (details.open && shown === 0) more(); });
  return details;
}
