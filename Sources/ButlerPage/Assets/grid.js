// A table of any number of rows, of which only those in sight are in the document.

import { h, fill } from './dom.js';
import { isNumber } from './exact-json.js';

const ROW = 32;
const MARGIN = 12;

/**
 * A scrolling table.
 * `open(row)` is called for a click or Enter; `more()` when the reader comes near the end and `hasMore` is set.
 */
export class Grid {
  constructor({ open, more, link }) {
    Object.assign(this, { open, more, link, columns: [], rows: [], active: 0, hasMore: false });
    this.head = h('thead');
    this.body = h('tbody');
    this.widths = h('colgroup');
    this.table = h('table', { role: 'grid' }, this.widths, this.head, this.body);
    this.element = h('div.grid', { tabindex: 0, role: 'region', 'aria-label': 'Rows; arrow keys move, Enter opens' },
      this.table);
    this.element.addEventListener('scroll', () => this.draw());
    this.element.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => this.click(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Shows rows, which may be more of the same or others. Columns are `{name, index}` with the place of their cells. */
  show(columns, rows, hasMore) {
    const isNew = columns.length !== this.columns.length || rows.length < this.rows.length || !this.rows.length;
    Object.assign(this, { columns, rows, hasMore });
    if (isNew) this.layOut();
    this.table.setAttribute('aria-rowcount', hasMore ? -1 : rows.length + 1);
    this.drawn = null;
    this.draw();
  }

  /** Columns as wide as the first rows need, so that scrolling does not shift them. */
  layOut() {
    const sample = this.rows.slice(0, 200);
    fill(this.head, h('tr', {}, this.columns.map(({ name, index }) => h('th', {
      scope: 'col', title: name, class: isNumber(sample[0]?.cells[index]) ? 'num' : null,
    }, name))));
    let total = 0;
    fill(this.widths, this.columns.map(({ name, index }) => {
      const longest = sample.reduce((most, row) => Math.max(most, String(row.cells[index] ?? '').length), name.length);
      const width = Math.ceil(Math.min(48, Math.max(longest, name.length * 1.12)) * 1.03) + 3;
      total += width;
      const column = h('col');
      column.style.width = `${width}ch`;
      return column;
    }));
    this.table.style.minWidth = `${total}ch`;
  }

  draw() {
    const height = this.element.clientHeight;
    if (!height || !this.columns.length) return;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - MARGIN);
    const last = Math.min(this.rows.length, first + Math.ceil(height / ROW) + 2 * MARGIN);
    if (this.hasMore && last > this.rows.length - 60) this.more();
    const key = `${first}-${last}-${this.active}-${this.rows.length}`;
    if (this.drawn === key) return;
    this.drawn = key;
    const space = (count) => {
      const row = h('tr', { 'aria-hidden': 'true' }, h('td.space', { colspan: this.columns.length }));
      row.firstChild.style.height = `${count * ROW}px`;
      return row;
    };
    fill(this.body, space(first), this.rows.slice(first, last).map((row, offset) => this.line(row, first + offset)),
      space(this.rows.length - last));
  }

  line(row, index) {
    const href = this.link?.(row);
    return h('tr', {
      id: `row-${index}`, 'data-index': index, 'aria-rowindex': index + 2,
      class: index === this.active ? 'active' : null,
    }, this.columns.map(({ name, index: cell }, position) => {
      const value = row.cells[cell];
      const text = value === undefined || value === null ? '' : String(value);
      return h('td', { class: isNumber(value) ? 'num' : null, title: text.length > 24 ? text : null },
        href && (name === 'id' || position === 0)
          ? h('a', { href, tabindex: -1 }, text) : text);
    }));
  }

  click(event) {
    const line = event.target.closest('tr[data-index]');
    if (!line || event.target.closest('a')) return;
    this.active = Number(line.dataset.index);
    this.draw();
    this.open?.(this.rows[this.active]);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === 'Enter' && this.rows[this.active]) this.open?.(this.rows[this.active]);
    if (step === undefined) return;
    event.preventDefault();
    this.active = Math.max(0, Math.min(this.rows.length - 1, this.active + step));
    const top = this.active * ROW;
    const view = this.element;
    const visible = view.clientHeight - 2 * ROW;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top > view.scrollTop + visible) view.scrollTop = top - visible;
    this.draw();
    view.setAttribute('aria-activedescendant', `row-${this.active}`);
  }
}
