// Queries: a form, the rows as they come, their regions on a map, and how the server finds them.

import { announce, complaint, counted, fill, h, number, spinner, tabs } from './dom.js';
import { Grid } from './grid.js';
import { namesIn, quoted } from './names.js';
import { RowSource } from './row-source.js';
import { ResultRows } from './rows.js';
import { SkyMap } from './sky-map.js';

/** Rows read at first, and ahead of the reader. */
const AHEAD = 1000;
const MOST_REGIONS = 4000;
const KINDS = [['datasets', 'Datasets'], ['data_ids', 'Data IDs'], ['dimension_records', 'Dimension records']];
const NAMES = {
  datasets: ['Dataset types', 'calexp, or several, or globs'],
  data_ids: ['Dimensions', 'visit, detector'],
  dimension_records: ['Dimension element', 'visit'],
};

export function queryPlace({ repository, search, signal, link }) {
  const form = new QueryForm(repository);
  const results = new Results(repository, link, signal);
  const element = h('div.query', {}, form.element, results.element);
  const run = (parameters) => {
    form.read(parameters);
    if (parameters.get('run')) results.run(form.query(), parameters.get('view') ?? 'table');
  };
  form.submit = () => {
    const target = link('query', { ...form.parameters(), view: results.view === 'table' ? '' : results.view, run: '1' });
    if (target === location.hash) results.run(form.query(), results.view);
    else location.hash = target;
  };
  results.choose = (view) => { location.hash = link('query', { ...form.parameters(), view, run: '1' }); };
  results.mark = (offset) => form.mark(offset);
  return {
    element,
    update: run,
    async start() {
      form.suggest().catch(() => {});
      run(search);
    },
  };
}

class QueryForm {
  constructor(repository) {
    this.repository = repository;
    /** Values of names such as `:instrument` in the expression. */
    this.bind = {};
    const field = (name, label, input, ...more) => {
      this[name] = input;
      input.id = `field-${name}`;
      const caption = h('label', { for: input.id }, label);
      return h(`div.field.${name}`, {}, caption, input, ...more);
    };
    const kinds = h('fieldset.kinds', {}, h('legend.visually-hidden', {}, 'Look for'), KINDS.map(([value, label]) =>
      h('label', {}, h('input', {
        type: 'radio', name: 'kind', value, checked: value === 'datasets', onchange: () => this.adapt(),
      }), h('span', {}, label))));
    const text = (attributes) => h('input', { type: 'text', spellcheck: 'false', autocapitalize: 'off', ...attributes });
    this.options = h('datalist', { id: 'names' });
    this.collectionOptions = h('datalist', { id: 'collections' });
    this.fields = h('div.fields-list');
    const where = h('textarea', {
      rows: 2, spellcheck: 'false', autocapitalize: 'off', placeholder: "instrument = 'LSSTCam' AND visit > 5",
      'aria-describedby': 'where-help',
    });
    where.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.submit(); }
    });
    this.element = h('form.panel.query-form', {
      'aria-label': 'Query', onsubmit: (event) => { event.preventDefault(); this.submit(); },
    }, kinds, this.options, this.collectionOptions,
    field('names', NAMES.datasets[0], text({ list: 'names', placeholder: NAMES.datasets[1] })),
    field('collections', 'Collections', text({ list: 'collections', placeholder: '* for all' })),
    field('joined', 'Where these exist', text({ list: 'names', placeholder: 'dataset types, optional' })),
    field('where', 'Expression', where, this.bound = h('div.bound')),
    h('details.help', { id: 'where-help', ontoggle: (event) => event.target.open && this.showFields() },
      h('summary', {}, 'What can be written here'), this.fields),
    field('order', 'Order by', text({ placeholder: 'visit, -detector' })),
    h('div.field.first', {}, h('label.check', {}, this.first = h('input', { type: 'checkbox', checked: true }),
      'Only the first of each data ID')),
    h('div.actions', {}, h('button.primary', { type: 'submit' }, 'Run'), h('span.quiet.keys', {}, 'Ctrl + Enter')));
    this.adapt();
  }

  get kind() { return this.element.querySelector('input[name=kind]:checked').value; }

  /** Shows what the kind of query asks for. */
  adapt() {
    const [label, placeholder] = NAMES[this.kind];
    this.names.previousElementSibling.textContent = label;
    this.names.placeholder = placeholder;
    const isDatasets = this.kind === 'datasets';
    this.joined.parentElement.hidden = isDatasets;
    this.first.parentElement.parentElement.hidden = !isDatasets;
    this.suggest().catch(() => {});
  }

  async suggest() {
    const [types, collections, universe] = await Promise.all([
      this.repository.datasetTypes(), this.repository.collections(), this.repository.universe()]);
    const names = this.kind === 'datasets' ? types.map((type) => type.name) : Object.keys(universe.elements);
    fill(this.options, names.map((value) => h('option', { value })));
    fill(this.collectionOptions, collections.slice(0, 1000).map(({ name }) => h('option', { value: quoted(name) })));
  }

  read(parameters) {
    const kind = parameters.get('kind') ?? 'datasets';
    for (const input of this.element.querySelectorAll('input[name=kind]')) input.checked = input.value === kind;
    for (const name of ['names', 'collections', 'joined', 'where', 'order']) this[name].value = parameters.get(name) ?? '';
    this.first.checked = parameters.get('first') !== '0';
    this.bind = bindOf(parameters.get('bind'));
    fill(this.bound, Object.entries(this.bind).map(([name, value]) =>
      h('div', {}, h('code', {}, `:${name}`), ' is ', h('code', {}, String(value)))));
    this.adapt();
  }

  parameters() {
    return {
      kind: this.kind, names: this.names.value.trim(), collections: this.collections.value.trim(),
      joined: this.joined.value.trim(), where: this.where.value.trim(), order: this.order.value.trim(),
      first: this.first.checked ? '' : '0', bind: Object.keys(this.used).length ? JSON.stringify(this.used) : '',
    };
  }

  query() {
    return {
      kind: this.kind, names: namesIn(this.names.value), collections: namesIn(this.collections.value),
      joined: this.kind === 'datasets' ? [] : namesIn(this.joined.value), where: this.where.value, bind: this.used,
      order_by: namesIn(this.order.value), find_first: this.first.checked,
    };
  }

  /** The values that the expression still refers to. */
  get used() {
    return Object.fromEntries(Object.entries(this.bind).filter(([name]) => this.where.value.includes(`:${name}`)));
  }

  /** Puts the caret at the place of an error, an offset in UTF-8. */
  mark(offset) {
    const before = new TextDecoder().decode(new TextEncoder().encode(this.where.value).slice(0, offset));
    this.where.focus();
    this.where.setSelectionRange(before.length, Math.min(this.where.value.length, before.length + 1));
  }

  /** The columns that an expression can use here; a click writes one. */
  async showFields() {
    const universe = await this.repository.universe();
    const types = await this.repository.datasetTypes();
    const names = namesIn(this.names.value);
    const dimensions = this.kind === 'datasets'
      ? types.filter((type) => names.includes(type.name)).flatMap((type) => type.dimensions) : names;
    const elements = reach(universe.elements, dimensions.length ? dimensions : ['instrument', 'visit', 'detector']);
    const chip = (text) => h('button.chip', { type: 'button', onclick: () => this.insert(text) }, text);
    fill(this.fields,
      h('p', {}, 'Comparisons, AND, OR, NOT, IN (1, 2, 5..9), GLOB(column, \'pattern*\'), times as ',
        h('code', {}, "T'2026-01-01'"), ', regions as ', h('code', {}, 'visit.region OVERLAPS CIRCLE(62.4, -30.1, 0.5)'),
        ' in degrees.'),
      elements.map((name) => {
        const element = universe.elements[name];
        const fields = [...element.keys.slice(1), ...element.metadata].map((column) => `${name}.${column.name}`);
        return h('div', {}, element.keys.length ? chip(name) : null, fields.map(chip));
      }));
  }

  insert(text) {
    const { selectionStart: start, selectionEnd: end, value } = this.where;
    const lead = start && !/\s$/.test(value.slice(0, start)) ? ' ' : '';
    this.where.setRangeText(`${lead}${text} `, start, end, 'end');
    this.where.focus();
  }
}

/** Values by name, out of the address; what is no such thing is none. */
function bindOf(text) {
  try {
    const entries = Object.entries(JSON.parse(text ?? '{}') ?? {});
    return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string' || Number.isSafeInteger(value)));
  } catch {
    return {};
  }
}

/** Elements and whatever they require or imply. */
function reach(elements, names) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name) || !elements[name]) return;
    found.add(name);
    [...elements[name].requires, ...elements[name].implies].forEach(visit);
  };
  names.forEach(visit);
  return Object.keys(elements).filter((name) => found.has(name));
}

class Results {
  constructor(repository, link, signal) {
    Object.assign(this, { repository, link, view: 'table', stop: new AbortController() });
    this.note = h('p.note', { 'aria-live': 'polite' });
    this.head = h('div.results-head');
    this.body = h('div.results-body');
    this.element = h('section.results', { 'aria-label': 'Rows' }, this.head, this.note, this.body);
    // Leaving the page stops what is still running at the server.
    signal.addEventListener('abort', () => this.stop.abort());
  }

  run(query, view) {
    this.stop.abort();
    this.stop = new AbortController();
    Object.assign(this, { query, view });
    fill(this.head, tabs('Views of the result', [['table', 'Table'], ['map', 'Sky map'], ['explain', 'Explain']], view,
      (name) => this.choose(name === 'table' ? '' : name)));
    this.note.textContent = '';
    const show = { table: () => this.table(), map: () => this.map(), explain: () => this.explain() }[view];
    show().catch((error) => {
      if (error.name === 'AbortError') return;
      this.note.textContent = '';
      fill(this.body, complaint(error));
      if (error.offset !== null && error.offset !== undefined) this.mark(error.offset);
    });
  }

  open(row) {
    if (row.id) location.hash = this.link(`dataset/${row.id}`);
  }

  // MARK: Table

  /** Rows are read some way ahead of the reader, who gets more as he scrolls. */
  async table() {
    const source = new RowSource(this.repository, this.query, this.stop.signal);
    const start = performance.now();
    const grid = new Grid({
      open: (row) => this.open(row), link: (row) => (row.id ? this.link(`dataset/${row.id}`) : null),
      more: () => advance().catch((error) => this.interrupt(error)),
    });
    const show = () => {
      if (!source.count) return;
      if (!grid.element.isConnected) fill(this.body, grid.element);
      grid.show(source.rows.shown, source.rows.rows, source.hasMore);
    };
    let isReading = false;
    const advance = async () => {
      if (isReading) return;
      isReading = true;
      try {
        await source.read(source.count + AHEAD, () => {
          this.note.textContent = `${number(source.count)} rows…`;
          show();
        });
      } finally {
        isReading = false;
      }
      this.note.textContent = source.isFull ? `The first ${number(source.count)} rows. There are more: narrow the query.`
        : source.isAtEnd ? counted(source.count, 'row')
          : `The first ${number(source.count)} rows; more come as you scroll`;
      show();
    };
    fill(this.body, spinner());
    await advance();
    this.note.textContent += `, in ${((performance.now() - start) / 1000).toFixed(2)} s`;
    announce(this.note.textContent);
    if (!source.count) await this.nothing();
  }

  /** Says why no more rows come; those that have come stay. */
  interrupt(error) {
    if (error.name === 'AbortError') return;
    this.note.textContent = '';
    this.body.querySelector('.complaint')?.remove();
    this.body.prepend(complaint(error));
  }

  async nothing() {
    fill(this.body, h('p', {}, 'Nothing was found.'));
    const { no_rows_because: reasons } = await this.repository.post('ui/explain', this.query, this.stop.signal)
      .catch((error) => { if (error.name === 'AbortError') throw error; return { no_rows_because: [] }; });
    if (reasons.length) this.body.append(h('ul.reasons', {}, reasons.map((text) => h('li', {}, text))));
  }

  // MARK: Sky

  async map() {
    const map = new SkyMap({ pick: (row) => this.open(row) });
    const rows = new ResultRows();
    fill(this.body, map.element);
    const body = { ...this.query, with_records: true, limit: MOST_REGIONS + 1 };
    let bare = 0;
    for await (const page of this.repository.pages('ui/query', body, this.stop.signal)) {
      const start = rows.rows.length;
      rows.add(page);
      for (const row of rows.rows.slice(start)) {
        if (!row.regions.some((hex) => map.add(hex, rows.label(row), row))) bare += 1;
        row.regions = [];
      }
      map.fit();
      this.note.textContent = `${number(map.items.length)} regions…`;
    }
    const cut = rows.rows.length > MOST_REGIONS;
    this.note.textContent = `${cut ? 'The first ' : ''}${number(map.items.length)} regions`
      + (bare ? `; ${number(bare)} rows have none` : '');
    announce(this.note.textContent);
    if (!map.items.length) {
      fill(this.body, h('p', {}, rows.rows.length
        ? 'These rows have no region on the sky: their dimensions are not spatial.' : 'Nothing was found.'));
    }
  }

  // MARK: Explanation

  async explain() {
    fill(this.body, spinner());
    const found = await this.repository.post('ui/explain', { ...this.query, limit: AHEAD }, this.stop.signal);
    const part = (title, text) => (text ? [h('h3', {}, title), h('pre', {}, text)] : null);
    fill(this.body, h('div.explanation', {},
      found.no_rows_because.length ? [h('h3', {}, 'No rows, because'),
        h('ul.reasons', {}, found.no_rows_because.map((text) => h('li', {}, text)))] : null,
      part('Query', found.query), part('Plan', found.plan),
      found.rewritten_plan === found.plan ? null : part('Plan after rewriting', found.rewritten_plan),
      part('SQL', found.sql), part('Plan of the database', found.database_plan.join('\n'))));
  }
}
