// The page: places in the URL's fragment, and what is shown for them.
//
//   #/                         the repositories
//   #/r/LABEL                  collections and dataset types; #/r/LABEL?collection=NAME
//   #/r/LABEL/query?…          a query and its rows
//   #/r/LABEL/dataset/UUID     one dataset

import { Repository, repositories } from './api.js';
import { browse } from './browse.js';
import { datasetPlace } from './dataset.js';
import { complaint, fill, h, spinner } from './dom.js';
import { queryPlace } from './query.js';

const main = document.getElementById('main');
const places = document.getElementById('places');
const known = new Map();
let labels = null;
let leaving = new AbortController();
/** The place that is shown, if it can take new parameters without being made anew. */
let current = { key: null, update: null };

/** The parts of a fragment. */
function parse(fragment) {
  const [path, search = ''] = fragment.replace(/^#/, '').split('?');
  const [root, label, place = '', id = ''] = path.split('/').slice(1).map(decodeURIComponent);
  return { label: root === 'r' ? label : null, place, id, search: new URLSearchParams(search) };
}

export const link = (label, place = '', search = {}) => {
  const parameters = new URLSearchParams(Object.entries(search).filter(([, value]) => value !== '' && value !== null));
  const text = parameters.toString();
  return `#/r/${encodeURIComponent(label)}${place ? `/${place}` : ''}${text ? `?${text}` : ''}`;
};

function repository(label) {
  if (!known.has(label)) known.set(label, new Repository(label));
  return known.get(label);
}

async function show() {
  const { label, place, id, search } = parse(location.hash);
  const key = [label, place, id].join('/');
  if (current.key === key && current.update) { current.update(search); return; }
  // Whatever the last place was still asking for is of no use any more.
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  current = { key, update: null };
  fill(main, spinner());
  try {
    labels ??= (await repositories(signal)).repositories;
    if (signal.aborted) return;
    bar(label, place);
    if (label === null) {
      if (labels.length === 1) location.replace(link(labels[0]));
      else front();
      return;
    }
    const context = { repository: repository(label), search, signal, link: (...rest) => link(label, ...rest) };
    const made = place === 'query' ? queryPlace(context)
      : place === 'dataset' ? datasetPlace({ ...context, id }) : browse(context);
    document.title = `${{ query: 'Query', dataset: 'Dataset' }[place] ?? 'Browse'} · ${label} · Butler`;
    current.update = made.update ?? null;
    fill(main, made.element);
    await made.start?.();
  } catch (error) {
    if (error.name === 'AbortError' || signal.aborted) return;
    fill(main, complaint(error));
  }
}

function front() {
  document.title = 'Butler';
  fill(main, h('h1', {}, 'Repositories'), labels.length
    ? h('ul.cards', {}, labels.map((label) => h('li', {}, h('a', { href: link(label) }, label))))
    : h('p', {}, 'There is no repository that you may use.'));
}

function bar(label, place) {
  if (label === null) { fill(places); return; }
  const entry = (text, target, isHere) => h('a', { href: target, 'aria-current': isHere ? 'page' : null }, text);
  fill(places,
    labels.length > 1 ? h('select', {
      'aria-label': 'Repository', onchange: (event) => { location.hash = link(event.target.value); },
    }, labels.map((name) => h('option', { selected: name === label }, name))) : h('span.label', {}, label),
    entry('Browse', link(label), place === ''), entry('Query', link(label, 'query'), place === 'query'));
}

window.addEventListener('hashchange', show);
window.addEventListener('pagehide', () => leaving.abort());
show();
