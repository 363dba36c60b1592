// Elements without a framework. Text always becomes text nodes, so nothing from a repository is taken for HTML.

/** An element: h('a.wide', {href: '#/', onclick: f}, 'text', other). Null children are left out. */
export function h(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElement(tag || 'div');
  if (classes.length) element.className = classes.join(' ');
  set(element, attributes);
  append(element, children);
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'hidden') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Says something to those who cannot see the page change. */
export function announce(text) {
  document.getElementById('status').textContent = text;
}

/** A definition list of pairs; pairs without a value are left out. */
export function facts(pairs) {
  return h('dl.facts', {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

/** What went wrong, for the reader; with the excerpt of an expression and its caret. */
export function complaint(error) {
  return h('div.complaint', { role: 'alert' },
    h('p', {}, error.message || String(error)),
    error.excerpt ? h('pre', {}, error.excerpt) : null,
    error.hint ? h('p.quiet', {}, error.hint) : null);
}

export function spinner(text = 'Loading…') {
  return h('p.spinner', {}, text);
}

/** Tabs with arrow keys. `panels` is [name, label] pairs; `choose` is called with the name. */
export function tabs(label, panels, current, choose) {
  const list = h('div.tabs', { role: 'tablist', 'aria-label': label });
  const buttons = panels.map(([name, text]) => h('button', {
    type: 'button', role: 'tab', 'aria-selected': String(name === current), tabindex: name === current ? 0 : -1,
    onclick: () => choose(name),
  }, text));
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[next].focus();
    buttons[next].click();
  });
  list.append(...buttons);
  return list;
}

export const number = (value) => value.toLocaleString('en');

/** A count and what is counted, whose plural ends in s. */
export const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? '' : 's'}`;

export function bytes(count) {
  if (count < 0) return 'size unknown';
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) { count /= 1000; unit += 1; }
  return `${unit === 0 ? count : count.toPrecision(3)} ${units[unit]}`;
}
