// A look inside a file of a dataset.

import { documentTree } from './document-tree.js';
import { bytes, complaint, counted, facts, fill, h, number, spinner } from './dom.js';
import { isNumber } from './exact-json.js';
import { imageView } from './image-view.js';

/** Fills a panel with a preview; files of the components of a dataset can be chosen. */
export async function preview(panel, provenance, repository, id, files, signal) {
  const state = { component: files[0].component, member: null, hdu: null };
  const body = h('div');
  const controls = h('div.controls');
  fill(panel, h('h2', {}, 'Preview'), controls, body);
  const load = async () => {
    fill(body, spinner());
    const search = new URLSearchParams();
    if (state.component) search.set('component', state.component);
    if (state.member !== null) search.set('member', state.member);
    if (state.hdu !== null) search.set('hdu', state.hdu);
    try {
      const found = await repository.get(`ui/preview/${id}?${search}`, signal);
      fill(controls, chooser(files, found, state, load));
      fill(body, ...content(found, (member) => { state.member = member; load(); }));
      if (found.header) fill(provenance, provenanceOf(found.header));
    } catch (error) {
      if (error.name !== 'AbortError') fill(body, complaint(error));
    }
  };
  await load();
}

function chooser(files, found, state, load) {
  const select = (label, options, chosen, change) => h('label', {}, `${label} `, h('select', {
    onchange: (event) => { change(event.target.value); load(); },
  }, options.map(([value, text]) => h('option', { value, selected: value === String(chosen) }, text))));
  const names = files.map((file) => file.component ?? '');
  return [
    names.length > 1 ? select('Component', names.map((name) => [name, name]), state.component, (value) => {
      Object.assign(state, { component: value, member: null, hdu: null });
    }) : null,
    found.member && found.members ? select('Member', ['', ...found.members.map(({ name }) => name)]
      .map((name) => [name, name || 'all members']), found.member, (value) => {
      Object.assign(state, { member: value || null, hdu: null });
    }) : null,
    (found.hdus?.length ?? 0) > 1 ? select('HDU', found.hdus.map((hdu, index) => [String(index), hduText(hdu, index)]),
      found.hdu, (value) => { state.hdu = value; }) : null,
  ];
}

function hduText({ kind, name, shape }, index) {
  const size = kind === 'table' ? `${number(shape[0])} rows` : shape.length ? [...shape].reverse().join(' × ') : 'no data';
  return `${index} ${name || (index === 0 ? 'primary' : kind)} (${size})`;
}

function content(found, choose) {
  const make = {
    image: () => imageView(found),
    table: () => table(found),
    document: () => documentTree(found.value),
    text: () => [found.remark ? h('p.quiet', {}, found.remark) : null, h('pre.text', {}, found.text)],
    header: () => h('p.quiet', {}, 'This HDU has a header only.'),
    archive: () => members(found, choose),
    none: () => h('p', {}, found.remark),
  }[found.kind];
  return [make?.() ?? h('p', {}, 'This page does not know this kind of preview.'), header(found.header),
    found.size ? h('p.quiet', {}, [found.format, bytes(found.size)].filter(Boolean).join(', ')) : null];
}

/** The members of a zip file, each a button that shows it. */
function members(found, choose) {
  const more = found.member_count - found.members.length;
  return [
    h('div.scroll.head-of-table', { tabindex: 0, role: 'region', 'aria-label': 'Members of the zip file' },
      h('table.list', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Member'),
        h('th.num', { scope: 'col' }, 'Size'))),
        h('tbody', {}, found.members.map(({ name, size }) => h('tr', {},
          h('td', {}, h('button.link', { type: 'button', onclick: () => choose(name) }, name)),
          h('td.num', {}, bytes(size))))))),
    h('p.quiet', {}, counted(found.member_count, 'member'), more > 0 ? `, of which ${number(more)} are not shown` : ''),
  ];
}

function table(found) {
  const cell = (value) => (Array.isArray(value) ? `[${value.map(cell).join(', ')}]`
    : typeof value === 'number' && !Number.isInteger(value) ? String(Number(value.toPrecision(8))) : String(value ?? ''));
  return [
    h('div.scroll.head-of-table', { tabindex: 0, role: 'region', 'aria-label': 'First rows' }, h('table.list', {},
      h('thead', {}, h('tr', {}, found.columns.map(({ name, unit }) =>
        h('th', { scope: 'col' }, name, unit ? h('span.unit', {}, unit) : null)))),
      h('tbody', {}, found.rows.map((row) => h('tr', {}, row.map((value) =>
        h('td', { class: isNumeric(value) ? 'num' : null }, cell(value)))))))),
    h('p.quiet', {}, found.row_count === undefined ? `The first ${number(found.rows.length)} rows`
      : `${number(found.rows.length)} of ${number(found.row_count)} rows`),
  ];
}

const isNumeric = (value) => isNumber(value)
  || (typeof value === 'string' && value !== '' && Number.isFinite(Number(value)));

function header(cards) {
  if (!cards?.length) return null;
  return h('details.cards', {}, h('summary', {}, `Header, ${cards.length} cards`), h('div.scroll', {
    tabindex: 0, role: 'region', 'aria-label': 'Header cards',
  }, h('table.list', {}, h('tbody', {}, cards.map(([keyword, value, comment]) => h('tr', {},
    h('th', { scope: 'row' }, keyword), h('td', {}, String(value ?? '')), h('td.quiet', {}, comment)))))));
}

/** What the Butler wrote into the header about the making of the file. */
function provenanceOf(cards) {
  const found = cards.filter(([keyword]) => keyword.startsWith('LSST BUTLER '));
  if (!found.length) return null;
  const name = (keyword) => keyword.slice('LSST BUTLER '.length).toLowerCase();
  return [h('h3', {}, 'Provenance, as the file has it'),
    facts(found.map(([keyword, value]) => [name(keyword), String(value ?? '')]))];
}
