// Collections as a tree, dataset types as a list.

import { complaint, facts, fill, h, number, spinner } from './dom.js';
import { quoted } from './names.js';

const KINDS = { 1: 'run', 2: 'tagged', 3: 'chain', 4: 'calibration' };
const GROUPS = [[1, 'Runs'], [2, 'Tagged'], [4, 'Calibrations']];
const MOST = 300;

export function browse({ repository, search, link }) {
  const tree = h('div.collections', {}, spinner('Collections…'));
  const detail = h('section.panel', { 'aria-label': 'Details' }, spinner());
  const filter = h('input', {
    type: 'search', placeholder: 'Filter collections', 'aria-label': 'Filter collections', oninput: () => drawTree(),
  });
  let collections = new Map();
  let types = new Map();
  let selected = search.get('collection');

  const drawTree = () => {
    fill(tree, collectionTree(collections, filter.value.trim().toLowerCase(), selected, link));
  };
  const drawDetail = () => {
    fill(detail, selected === null ? typeList([...types.values()], link) : collectionDetail());
  };
  const collectionDetail = () => {
    const info = collections.get(selected);
    if (!info) return complaint(new Error(`There is no collection '${selected}'.`));
    const held = (info.dataset_types ?? []).map((name) => types.get(name)).filter(Boolean)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const list = (names) => h('ul.names', {}, names.map((name) =>
      h('li', {}, h('a', { href: link('', { collection: name }) }, name))));
    return [
      h('p.quiet', {}, h('a', { href: link() }, '‹ All dataset types')),
      h('h1', {}, info.name, ' ', badge(info.type)),
      info.doc ? h('p.doc', {}, info.doc) : null,
      facts([['Searched in this order', info.children?.length ? list(info.children) : null],
        ['Part of', info.parents?.length ? list([...info.parents].sort()) : null]]),
      typeList(held, link, info.name),
    ];
  };

  return {
    element: h('div.browse', {}, h('aside', { 'aria-label': 'Collections' }, h('h2', {}, 'Collections'), filter, tree),
      detail),
    async start() {
      const [infos, kinds] = await Promise.all([repository.collections(), repository.datasetTypes()]);
      collections = new Map(infos.map((info) => [info.name, info]));
      types = new Map(kinds.map((type) => [type.name, type]));
      drawTree();
      drawDetail();
    },
    update(parameters) {
      selected = parameters.get('collection');
      drawTree();
      drawDetail();
    },
  };
}

const badge = (type) => h(`span.badge.${KINDS[type]}`, {}, KINDS[type]);

function collectionTree(collections, filter, selected, link) {
  const infos = [...collections.values()];
  const entry = (info) => [h('a', {
    href: link('', { collection: info.name }), 'aria-current': info.name === selected ? 'true' : null,
  }, info.name), ' ', badge(info.type)];
  const limited = (items, make) => {
    const list = h('ul', {}, items.slice(0, MOST).map(make));
    if (items.length > MOST) list.append(h('li.quiet', {}, `and ${number(items.length - MOST)} more; filter to see them`));
    return list;
  };
  if (filter) {
    const found = infos.filter((info) => info.name.toLowerCase().includes(filter)).sort(byName);
    return found.length ? limited(found, (info) => h('li', {}, entry(info))) : h('p.quiet', {}, 'None has that in its name.');
  }
  // A chain below itself cannot be, but a page must not hang if it is.
  const branch = (info, above) => {
    const children = (info.children ?? []).map((name) => collections.get(name)).filter(Boolean);
    if (!children.length || above.includes(info.name)) return h('li', {}, entry(info));
    const isOpen = above.length === 0 || contains(info, selected, collections);
    const body = h('ul');
    const details = h('details', { open: isOpen }, h('summary', {}, entry(info)), body);
    const grow = () => { if (!body.children.length) body.append(...children.map((child) => branch(child, [...above, info.name]))); };
    if (isOpen) grow();
    details.addEventListener('toggle', () => details.open && grow());
    return h('li', {}, details);
  };
  const isInChain = new Set(infos.flatMap((info) => info.children ?? []));
  const roots = infos.filter((info) => info.type === 3 && !isInChain.has(info.name)).sort(byName);
  return [
    roots.length ? [h('h3', {}, 'Chains'), limited(roots, (info) => branch(info, []))] : null,
    GROUPS.map(([type, title]) => {
      const group = infos.filter((info) => info.type === type).sort(byName);
      return group.length ? h('details.group', { open: infos.length < 60 }, h('summary', {}, h('h3', {}, title), ' ',
        h('span.quiet', {}, number(group.length))), limited(group, (info) => h('li', {}, entry(info)))) : null;
    }),
  ];
}

function contains(info, name, collections, depth = 0) {
  if (!name || depth > 20) return false;
  return (info.children ?? []).some((child) => child === name
    || (collections.has(child) && contains(collections.get(child), name, collections, depth + 1)));
}

const byName = (a, b) => (a.name < b.name ? -1 : 1);

/** Dataset types, each with the way to its datasets. */
function typeList(types, link, collection = null) {
  const title = collection === null ? h('h1', {}, 'Dataset types') : h('h2', {}, 'Dataset types');
  if (!types.length) return [title, h('p.quiet', {}, 'None.')];
  const body = h('tbody');
  const isFound = (type, filter) => `${type.name}\n${type.description ?? ''}`.toLowerCase().includes(filter);
  const draw = (filter) => fill(body, types.filter((type) => isFound(type, filter)).map((type) =>
    h('tr', {},
      h('td', {}, h('a', {
        // Which calibration comes first is only known for a time, so all of them are shown.
        href: link('query', {
          kind: 'datasets', names: type.name, collections: collection === null ? '*' : quoted(collection), first: type.isCalibration ? '0' : '', run: '1',
        }),
      }, type.name), type.isCalibration ? [' ', h('span.badge.calibration', {}, 'calibration')] : null,
      type.description ? h('div.says', {}, type.description) : null),
      h('td', {}, (type.dimensions ?? []).map((name) => h('span.dimension', {}, name))),
      h('td', {}, type.storageClass))));
  draw('');
  return [
    title,
    collection === null ? h('p.quiet', {}, 'Choose one to see its datasets, or a collection to see what it holds.') : null,
    types.length > 12 ? h('input', {
      type: 'search', placeholder: 'Filter dataset types', 'aria-label': 'Filter dataset types',
      oninput: (event) => draw(event.target.value.trim().toLowerCase()),
    }) : null,
    h('div.scroll', { tabindex: 0, role: 'region', 'aria-label': 'Dataset types' }, h('table.list.types', {}, h('thead', {}, h('tr', {},
      ['Name', 'Dimensions', 'Storage class'].map((text) => h('th', { scope: 'col' }, text)))), body)),
  ];
}
